import type { Value } from '../ops/core/index.ts'
import { sameDims, toNumbers } from '../tensor/tensor.ts'

/** How a value was computed, as far as recognising what several nodes mean needs it. */
interface Made {
  readonly op: string
  readonly inputs: readonly Value[]
}

/**
 * Finds where a model writes GELU as five nodes, x (1 + erf(x / sqrt 2)) / 2, as exporters before opset 20 do. As one op it is one
 * pass over memory in place of five, and its gradient seven to nine in place of some ten.
 *
 * @example
 * const written = new WrittenGelu()
 * written.note('Mul', [x, y], [product])
 * const x = written.inputOf(product)
 */
export class WrittenGelu {
  private readonly made = new Map<string, Made>()

  note(op: string, inputs: readonly (Value | undefined)[], [output]: readonly Value[]): void {
    const [a, b] = inputs
    if (!output || !a || !noted.has(op)) return
    this.made.set(output.name, { op, inputs: b ? [a, b] : [a] })
  }

  /** x, where `value` is GELU of x. */
  inputOf(value: Value): Value | undefined {
    const term = this.termIn(value, DEPTH)
    const x = term && this.underErf(term)
    if (!x || !sameDims(x.dims, value.dims)) return undefined
    const found = this.factors(value, [x, term], DEPTH)
    const halves = found?.filter((factor) => factor !== x && factor !== term)
    return found?.length === 3 && halves?.length === 1 && found.includes(x) && found.includes(term)
      ? x
      : undefined
  }

  /** 1 + erf(..) among the factors of a product. */
  private termIn(value: Value, depth: number): Value | undefined {
    const made = this.made.get(value.name)
    if (made?.op === 'Add') return value
    if (made?.op !== 'Mul' || depth === 0) return undefined
    for (const input of made.inputs) {
      const term = this.termIn(input, depth - 1)
      if (term && this.underErf(term)) return term
    }
    return undefined
  }

  /** x, where `term` is 1 + erf(x / sqrt 2). */
  private underErf(term: Value): Value | undefined {
    const erf = this.other(term, 'Add', 1)
    const [inner] = (erf && this.of(erf, 'Erf')) ?? []
    if (!inner) return undefined
    const [dividend, divisor] = this.of(inner, 'Div') ?? []
    if (dividend && divisor && isNumber(divisor, Math.SQRT2)) return dividend
    return this.other(inner, 'Mul', Math.SQRT1_2)
  }

  /** What a product is made of, down to `leaves` and one half; undefined where there is something else. */
  private factors(value: Value, leaves: readonly Value[], depth: number): Value[] | undefined {
    if (leaves.includes(value) || isNumber(value, 0.5)) return [value]
    const inputs = depth > 0 ? this.of(value, 'Mul') : undefined
    const parts = inputs?.map((input) => this.factors(input, leaves, depth - 1))
    return parts?.every((part) => part !== undefined) ? parts.flat() : undefined
  }

  private of(value: Value, op: string): readonly Value[] | undefined {
    const made = this.made.get(value.name)
    return made?.op === op ? made.inputs : undefined
  }

  /** The other input of an op that has the number among its two. */
  private other(value: Value, op: string, number: number): Value | undefined {
    const [a, b] = this.of(value, op) ?? []
    if (!a || !b) return undefined
    if (isNumber(b, number)) return a
    return isNumber(a, number) ? b : undefined
  }
}

/** The three factors make two products. */
const DEPTH = 2

const noted: ReadonlySet<string> = new Set(['Add', 'Div', 'Erf', 'Mul'])

/** Whether a value is known to be this number, as precisely as float32 writes it. */
function isNumber({ constant }: Value, number: number): boolean {
  if (constant?.type !== 'float32' && constant?.type !== 'float64') return false
  if (constant.data.length !== 1) return false
  const [value = Number.NaN] = toNumbers(constant)
  return Math.abs(value - number) <= 1e-6 * number
}
