/**
 * The process in which one measure is taken: `child.ts <bar> <measure> <folder>` writes the figure to its standard output.
 *
 * @module
 */

import { BARS } from "./bars.ts";

const [barName, measureName = "", scratch = ""] = Deno.args;
const measure = BARS.find(({ name }) => name === barName)?.measures[measureName];
if (measure === undefined) {
  throw new RangeError(`Cannot measure "${measureName}" of the bar "${barName}": there is none`);
}
console.log(JSON.stringify(await measure.run(scratch)));
