/** `radosgw`: the S3 server of Ceph, here over one monitor and one store in memory. Started anew every time. */

import { join } from "@std/path";
import { freePort, isInstalled, run, Running, type S3TestServer } from "./server.ts";

const PACKAGES = ["ceph-mon", "ceph-osd", "ceph-common", "radosgw"];

/** Installs it from the packages of Debian, unless it is there, and starts it. */
export async function startRadosgw(programs: AsyncDisposableStack): Promise<S3TestServer> {
  if (!await isInstalled("radosgw")) await install();
  const running = programs.use(await Running.none());
  const { folder } = running;
  const conf = join(folder, "ceph.conf");
  const [clusterId, storeId] = [crypto.randomUUID(), crypto.randomUUID()];
  const [monitor, port] = [`127.0.0.1:${freePort()}`, freePort()];
  for (const name of ["mon", "osd", "rgw"]) await Deno.mkdir(join(folder, name));
  await Deno.writeTextFile(conf, configOf(folder, clusterId, monitor, port));
  const within = ([program = "", ...args]: readonly string[]) => [program, "-c", conf, ...args];
  const tell = (...args: readonly string[]) =>
    run(within(["ceph", "--connect-timeout", "30", ...args]));

  const map = join(folder, "monmap");
  const addresses = ["--addv", "a", `[v1:${monitor}]`];
  await run(["monmaptool", "--create", ...addresses, "--fsid", clusterId, map]);
  await run(within(["ceph-mon", "--mkfs", "-i", "a", "--monmap", map]));
  running.start(within(["ceph-mon", "-i", "a", "--foreground"]));
  await tell("osd", "new", storeId);
  await tell("osd", "crush", "add", "osd.0", "1", "root=default", "host=a");
  await run(within(["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", storeId]));
  running.start(within(["ceph-osd", "-i", "0", "--foreground"]));
  running.start(within(["radosgw", "-n", "client.rgw", "--foreground", "--no-mon-config"]));
  const url = `http://127.0.0.1:${port}`;
  await running.until(url);

  const [accessKeyId, secretAccessKey] = ["ceph", "secret/of+ceph"];
  const user = ["--uid", "tests", "--display-name", "tests"];
  const keys = ["--access-key", accessKeyId, "--secret", secretAccessKey];
  await run(within(["radosgw-admin", "user", "create", ...user, ...keys]));
  const region = "us-east-1";
  return { name: "radosgw", url, region, accessKeyId, secretAccessKey, lacks: [] };
}

async function install(): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], { env });
  await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...PACKAGES], { env });
}

/**
 * Without authentication inside, and with as little waiting as can be. The store does not place itself: where it does so
 * before it has heard which cluster it is in, it is turned away and ends.
 */
function configOf(folder: string, clusterId: string, monitor: string, port: number): string {
  return `[global]
fsid = ${clusterId}
mon host = v1:${monitor}
mon initial members = a
public network = 127.0.0.0/8
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon cluster mode = crc
ms mon service mode = crc
paxos propose interval = 0.05
paxos min wait = 0.01
mon data avail warn = 0
mon data avail crit = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
mon data = ${folder}/mon
osd data = ${folder}/osd
rgw data = ${folder}/rgw
run dir = ${folder}
admin socket = ${folder}/$name.asok
pid file = ${folder}/$name.pid
log file = ${folder}/$name.log
mon cluster log file = ${folder}/cluster.log
rgw frontends = beast endpoint=127.0.0.1:${port} tcp_nodelay=1
rgw run sync thread = false
rgw enable ops log = false
`;
}
