/*
 * Makes a picture out of a name: colours, a pattern and initials, always the
 * same for the same name.  The lightness is fixed, so that white initials
 * are readable on every one of them.
 */

export interface Portrait {
  initials: string;
  back: string;
  front: string;
  /** Centre and radius of the disc laid over the background, in 0..40. */
  disc: { x: number; y: number; r: number };
  /** Angle of the band, in degrees. */
  angle: number;
  kind: "disc" | "band" | "corner";
}

const KINDS = ["disc", "band", "corner"] as const;

export function portraitOf(name: string): Portrait {
  const hash = hashOf(name);
  const pick = (shift: number, range: number) => (hash >>> shift) % range;
  const hue = pick(0, 24) * 15;

  return {
    initials: initialsOf(name),
    back: `oklch(0.45 0.09 ${hue})`,
    front: `oklch(0.54 0.11 ${(hue + 25 + pick(7, 3) * 15) % 360})`,
    disc: { x: 8 + pick(11, 25), y: 8 + pick(16, 25), r: 12 + pick(21, 8) },
    angle: pick(13, 12) * 30,
    kind: KINDS[pick(25, KINDS.length)]!,
  };
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u);
  const chosen = words.length > 1 ? [words[0]!, words[words.length - 1]!] : words;

  return chosen
    .map((word) => Array.from(word)[0] ?? "")
    .join("")
    .toLocaleUpperCase();
}

/* FNV-1a, with a last mix so that short names differ in their high bits. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;

  for (const character of name) {
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  }

  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);

  return (hash ^ (hash >>> 16)) >>> 0;
}
