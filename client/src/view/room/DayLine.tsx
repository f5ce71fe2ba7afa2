import { dayLabel, isoOf } from "../lib/times";

export function DayLine({ date }: { date: number }) {
  return (
    <div className="day">
      <time dateTime={isoOf(date)}>{dayLabel(date)}</time>
    </div>
  );
}
