/*
 * Splits text into plain parts and links.  Only http and https become links,
 * and the parts put together are the text again, character for character.
 */

export type Part = { text: string; href?: string };

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/gi;

export function linkify(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;

  for (const match of text.matchAll(ADDRESS)) {
    const address = trimEnd(match[0]);
    const href = safeHref(address);

    if (href === null) {
      continue;
    }

    if (match.index > end) {
      parts.push({ text: text.slice(end, match.index) });
    }

    parts.push({ text: address, href });
    end = match.index + address.length;
  }

  if (end < text.length) {
    parts.push({ text: text.slice(end) });
  }

  return parts;
}

/* A full stop or bracket behind an address mostly isn't part of it. */
function trimEnd(address: string): string {
  let result = address;

  for (;;) {
    const last = result[result.length - 1]!;
    const opening = { ")": "(", "]": "[", "}": "{" }[last];
    const unmatched =
      opening !== undefined && count(result, last) > count(result, opening);

    if (!unmatched && !/[.,:;!?*_~…]/.test(last)) {
      return result;
    }

    result = result.slice(0, -1);
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function safeHref(address: string): string | null {
  try {
    const { protocol, hostname, href } = new URL(address);

    return (protocol === "http:" || protocol === "https:") && hostname ? href : null;
  } catch {
    return null;
  }
}
