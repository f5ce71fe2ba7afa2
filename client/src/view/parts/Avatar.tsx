import { memo, useId } from "react";

import { portraitOf, type Portrait } from "../lib/portrait";

/** A picture made from a name.  Decoration: the name is always beside it. */
export const Avatar = memo(function Avatar(props: {
  name: string;
  online?: boolean;
  group?: boolean;
}) {
  const clip = useId();
  const portrait = portraitOf(props.name);

  return (
    <span className="avatar" aria-hidden="true">
      <svg viewBox="0 0 40 40">
        <clipPath id={clip}>
          <rect width="40" height="40" rx="13" />
        </clipPath>
        <g clipPath={`url(#${clip})`}>
          {props.group ? (
            <>
              <rect className="avatar-group" width="40" height="40" />
              <path
                className="avatar-group-mark"
                d="M17 11l-3 18M26 11l-3 18M11 16.5h19M10 23.5h19"
              />
            </>
          ) : (
            <>
              <rect width="40" height="40" fill={portrait.back} />
              <Pattern portrait={portrait} />
              <text className="avatar-initials" x="20" y="20" dy="0.35em">
                {portrait.initials}
              </text>
            </>
          )}
        </g>
      </svg>
      {props.online && <span className="avatar-online" />}
    </span>
  );
});

function Pattern({ portrait }: { portrait: Portrait }) {
  const { front, disc, angle, kind } = portrait;

  switch (kind) {
    case "disc":
      return <circle cx={disc.x} cy={disc.y} r={disc.r} fill={front} />;

    case "band":
      return (
        <rect
          x="-20"
          y={disc.y}
          width="80"
          height={disc.r}
          fill={front}
          transform={`rotate(${angle} 20 20)`}
        />
      );

    case "corner":
      return (
        <path
          d="M-10 -10L50 -10L-10 50z"
          fill={front}
          transform={`rotate(${angle} 20 20)`}
        />
      );
  }
}
