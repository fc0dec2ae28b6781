const minus = (text: string): string => text.replace('-', '−')

/**
 * A fraction as percentage points, with a real minus sign and never "−0".
 *
 * @example points(-0.4012) // '−40.1'
 */
export const points = (fraction: number, digits = 1): string => {
  const text = (100 * fraction).toFixed(digits)
  return minus(Number(text) === 0 ? (0).toFixed(digits) : text)
}
