/**
 * A trial as people are told of it, the same in every place: what trained and at which rate, or how it was worked out.
 *
 * @example trialWords(result.trials[1]) // 'above /stage2/Relu, rate 0.001'
 */
export const trialWords = ({
  method,
  settings,
}: {
  readonly method: string
  readonly settings: { readonly rung: string; readonly learningRate: number }
}): string =>
  settings.learningRate > 0
    ? `${settings.rung}, rate ${settings.learningRate}`
    : `${settings.rung} (${method})`
