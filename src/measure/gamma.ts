/** Lanczos' series for the gamma function, g = 7, nine terms: relative error about 1e-15 (Godfrey 2001). */
const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
]

/**
 * log of Gamma(x), x > 0.
 *
 * @example logGamma(5) // log(24)
 */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const shifted = x - 1
  const t = shifted + 7.5
  const series = lanczos.reduce((sum, term, index) => sum + term / (shifted + index + 1), 0.9999999999998099)
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series)
}

/**
 * P(X <= x) for X ~ Gamma(shape, scale 1), the regularised incomplete gamma function: its power series below the mean,
 * else the continued fraction of what is left (Abramowitz and Stegun 6.5.29 and 6.5.31).
 *
 * @example gammaCdf(1, 2) // 1 - exp(-2)
 */
export function gammaCdf(shape: number, x: number): number {
  if (x <= 0) return 0
  const factor = Math.exp(shape * Math.log(x) - x - logGamma(shape))
  return x < shape + 1 ? factor * powerSeries(shape, x) : 1 - factor * continuedFraction(shape, x)
}

function powerSeries(shape: number, x: number): number {
  let term = 1 / shape
  let sum = term
  for (let n = 1; term > 1e-16 * sum; n++) {
    term *= x / (shape + n)
    sum += term
  }
  return sum
}

/** By Lentz's method, as in Thompson and Barnett 1986. */
function continuedFraction(shape: number, x: number): number {
  const tiny = 1e-300
  const apart = (value: number) => (Math.abs(value) < tiny ? tiny : value)
  let b = x + 1 - shape
  let c = 1 / tiny
  let d = 1 / apart(b)
  let product = d
  for (let n = 1, change = 0; Math.abs(change - 1) > 1e-14; n++) {
    const a = -n * (n - shape)
    b += 2
    d = 1 / apart(a * d + b)
    c = apart(b + a / c)
    change = d * c
    product *= change
  }
  return product
}

/**
 * The x with P(X <= x) = p for X ~ Gamma(shape, scale 1).
 *
 * @param shape From 1 on, as for sums of whole counts; far below it the quantile is nearer to 0 than steps of halving reach.
 * @param p Above 0 and below 1.
 * @example gammaQuantile(1, 0.95) // 2.9957: the rule of three
 */
export function gammaQuantile(shape: number, p: number): number {
  let low = 0
  let high = shape + 10
  while (gammaCdf(shape, high) < p) {
    low = high
    high *= 2
  }
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (gammaCdf(shape, middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
