import { assertEquals } from "@std/assert";
import { formatDuration, formatElapsed, formatEstimate } from "../src/duration.ts";

Deno.test("a duration is told as exactly as a person wants to know it", () => {
  for (
    const [milliseconds, text] of [
      [0, "0 ms"],
      [999.4, "999 ms"],
      [999.6, "1.0 s"],
      [59_940, "59.9 s"],
      [59_960, "1 min 0 s"],
      [119_600, "2 min 0 s"],
      [3_599_600, "1 h 0 min"],
      [4_830_000, "1 h 20 min"],
    ] as const
  ) assertEquals(formatDuration(milliseconds), text);
});

Deno.test("the time so far changes once a second", () => {
  for (
    const [milliseconds, text] of [
      [-5, "0 s"],
      [1999, "1 s"],
      [59_999, "59 s"],
      [125_000, "2 min 5 s"],
      [90_000_000, "25 h 0 min"],
    ] as const
  ) assertEquals(formatElapsed(milliseconds), text);
});

Deno.test("the time left is told as roughly as one can know it", () => {
  for (
    const [milliseconds, text] of [
      [0, "a few seconds"],
      [12_000, "about 10 s"],
      [57_000, "about 55 s"],
      [58_000, "about 1 min"],
      [89_000, "about 1 min"],
      [1_200_000, "about 20 min"],
      [4_830_000, "about 1 h 21 min"],
    ] as const
  ) assertEquals(formatEstimate(milliseconds), text);
});
