import { assertEquals } from "@std/assert";
import { elements, elementText, escaped } from "../../../src/targets/s3/xml.ts";

Deno.test("elementText() gives the text of the first element of the very name", () => {
  const xml =
    `<?xml version="1.0"?><R xmlns="x"><KeyCount>2</KeyCount><Key a="b">one</Key><Key>two</Key></R>`;
  assertEquals(elementText(xml, "Key"), "one");
  assertEquals(elementText(xml, "KeyCount"), "2");
  assertEquals(elementText(xml, "Count"), undefined);
  assertEquals(elementText("<Key/><Empty></Empty>", "Key"), "");
  assertEquals(elementText("<Key/><Empty></Empty>", "Empty"), "");
  assertEquals(elementText("<Key>cut off", "Key"), undefined);
  assertEquals(elementText("", "Key"), undefined);
});

Deno.test("elementText() decodes entities, each once", () => {
  const text = `&amp;lt; &lt;&gt;&quot;&apos; &#34;&#x41;&#x1F600; &unknown; &#x110000; & ;`;
  assertEquals(
    elementText(`<K>${text}</K>`, "K"),
    `&lt; <>"' "A\u{1f600} &unknown; &#x110000; & ;`,
  );
  const odd = `a<b>&"c'&amp;`;
  assertEquals(elementText(`<K>${escaped(odd)}</K>`, "K"), odd);
});

Deno.test("elements() gives what is in each element", () => {
  const xml =
    "<L><Contents><Key>a</Key></Contents><Contents/><Contents>\n<Key>b</Key></Contents></L>";
  assertEquals([...elements(xml, "Contents")], ["<Key>a</Key>", "", "\n<Key>b</Key>"]);
  assertEquals([...elements(xml, "Key")], ["a", "b"]);
});
