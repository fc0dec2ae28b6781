// How far the families of test/fixtures/families are from PyTorch: the largest relative error of each quantity over all of them.
// Left out, as in the test: parameters whose gradient is a millionth of the model's or less, and in the steps of Adam the elements whose
// gradient is a millionth of the largest: both are rounding.
//   node scripts/run.mjs scripts/family-errors.ts
import { lossAndGradients } from '../src/train/inspect/grad.ts'
import { FLOOR, families, minus, norm, numbersOf, readFamily, stepErrors, trained } from '../test/families.ts'
import { engine } from '../test/op-cases.ts'

const worst = { loss: 0, gradient: 0, parameters: 0 }

for (const family of families) {
  const fixture = readFamily(family)
  const { model, batch, expected } = fixture
  const whole = norm(Array.from(expected.values(), ({ gradient }) => norm(gradient)))
  const found = await lossAndGradients({ engine, model, batch, loss: family.loss })
  const after = await trained(family, fixture)
  const errors = { loss: Math.abs(found.loss / family.expectedLoss - 1), gradient: 0, parameters: 0 }
  for (const [name, { gradient }] of expected) {
    const size = norm(gradient)
    const off = norm(minus(numbersOf(found.gradients, name), gradient))
    if (size >= FLOOR * whole) errors.gradient = Math.max(errors.gradient, off / size)
    const { told } = stepErrors(fixture, after, name)
    errors.parameters = Math.max(errors.parameters, norm(told) / norm(numbersOf(model.parameters, name)))
  }
  console.log(
    `${family.name.padEnd(20)} loss ${errors.loss.toExponential(1)}  gradient ${errors.gradient.toExponential(1)}  parameters ${errors.parameters.toExponential(1)}`,
  )
  for (const key of ['loss', 'gradient', 'parameters'] as const)
    worst[key] = Math.max(worst[key], errors[key])
}
console.log(
  `${families.length} models of ${new Set(families.map(({ family }) => family)).size} families; worst: loss ${worst.loss.toExponential(1)}, gradient ${worst.gradient.toExponential(1)}, parameters ${worst.parameters.toExponential(1)}`,
)
