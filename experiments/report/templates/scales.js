// From values to places on a screen and back, and the values that are written beside an axis.

export function linearScale(low, high, from, to) {
  const span = high - low || 1;
  return {
    at: (value) => from + ((value - low) / span) * (to - from),
    back: (place) => low + ((place - from) / (to - from)) * span,
    ticks: (count) => evenTicks(low, high, count),
  };
}

// Of values above 0 alone.
export function logScale(low, high, from, to) {
  const inner = linearScale(Math.log10(low), Math.log10(high), from, to);
  return {
    at: (value) => inner.at(Math.log10(value)),
    back: (place) => 10 ** inner.back(place),
    ticks: (count) => logTicks(low, high, count),
  };
}

// Multiples of 1, 2 or 5 times a power of ten from low to high, about so many.
export function evenTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const ticks = [];
  // Counted in steps, as sums of a step would drift away from round numbers.
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

// Powers of ten; of less than two decades also 2 and 5 times these, or what `evenTicks` has.
export function logTicks(low, high, count) {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const decades = Math.log10(high / low);
  const factors = decades <= 2 ? [1, 2, 5] : [1];
  const every = decades <= 2 ? 1 : Math.ceil((last - first) / Math.max(1, count));
  const ticks = [];
  for (let power = first; power <= last; power += every) {
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(12)));
  }
  const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  return inside.length > 1 ? inside : evenTicks(low, high, count);
}

// A value for a reader: shares in percent, the rest with the digits that matter.
export function textOf(value, isShare = false) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "no value";
  if (isShare) return `${(100 * value).toFixed(2)}\u00a0%`;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

// A tick's text: percent without the sign, which the axis has in its name.
export function tickText(value, isShare = false) {
  const shown = isShare ? Number((100 * value).toPrecision(10)) : value;
  const size = Math.abs(shown);
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? shown.toExponential().replace("e+", "e") : String(shown);
}

// The least and the most of what is finite, with room around; of shares not beyond 0 and 1.
export function bounds(values, isShare, isLog) {
  const known = values.filter((value) => Number.isFinite(value) && value !== null && (!isLog || value > 0));
  if (!known.length) return isLog ? [0.1, 1] : [0, 1];
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  if (isLog) return low === high ? [low / 2, high * 2] : [low / 1.08, high * 1.08];
  const room = 0.06 * (high - low) || 0.1 * Math.abs(high) || 0.5;
  return isShare ? [Math.max(0, low - room), Math.min(1, high + room)] : [low - room, high + room];
}
