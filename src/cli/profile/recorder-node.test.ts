import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openRecorder, type Span } from './recorder-node.ts'
import { selfTimes } from './self-times.ts'

/** Work that does other work in turn: one after another, or all at once. */
interface Work {
  readonly kind: 'sync' | 'turns' | 'together'
  readonly parts: readonly Work[]
}
const { work } = fc.letrec<{ work: Work }>((tie) => ({
  work: fc.record({
    kind: fc.constantFrom('sync', 'turns', 'together'),
    parts: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constant([]),
      fc.array(tie('work'), { maxLength: 3 }),
    ),
  }),
}))

/** A clock that ticks when it is looked at, and when time is let pass. */
function ticking() {
  let now = 0
  const pass = async (): Promise<void> => {
    await Promise.resolve()
    now++
  }
  return { now: () => ++now, pass }
}

async function recorded(top: Work) {
  const spans: Span[] = []
  const { now, pass } = ticking()
  const recorder = openRecorder((span) => spans.push(span), now)
  let count = 0
  const once = (each: Work, parent: number): unknown => {
    const id = count++
    return recorder.span(
      each.kind,
      () => {
        if (each.kind === 'sync') {
          // What is begun here and takes turns outlives it.
          for (const part of each.parts) if (part.kind === 'sync') once(part, id)
          return undefined
        }
        return (async () => {
          await pass()
          if (each.kind === 'together') await Promise.all(each.parts.map((part) => once(part, id)))
          else for (const part of each.parts) await once(part, id)
          await pass()
        })()
      },
      { id, parent },
    )
  }
  await once(top, -1)
  recorder.close()
  return { spans, count }
}

const inside = (inner: Span, outer: Span) => inner.began >= outer.began && inner.ended <= outer.ended
const apart = (a: Span, b: Span) => a.ended <= b.began || b.ended <= a.began

describe('bars of a profile', () => {
  it('are one a piece of work, lie within that which began it, and in a row within one another or apart', async () => {
    await fc.assert(
      fc.asyncProperty(work, async (top) => {
        const { spans, count } = await recorded(top)
        expect(spans).toHaveLength(count)
        const byId = new Map(spans.map((span) => [span.details.id, span]))
        for (const span of spans) {
          const parent = byId.get(span.details.parent as number)
          if (parent) expect(inside(span, parent)).toBe(true)
          for (const other of spans) {
            if (other === span || other.row !== span.row) continue
            expect(inside(span, other) || inside(other, span) || apart(span, other)).toBe(true)
          }
        }
      }),
    )
  })

  it('of what outlives the work that began it are cut there, and later ones have their own row', async () => {
    const spans: Span[] = []
    const { now, pass } = ticking()
    const recorder = openRecorder((span) => spans.push(span), now)
    let left: Promise<void> = Promise.resolve()
    recorder.span(
      'begins',
      () => {
        left = recorder.span(
          'is left',
          async () => {
            for (let turn = 0; turn < 5; turn++) await pass()
          },
          {},
        )
      },
      {},
    )
    await recorder.span('next', pass, {})
    await left
    expect(spans.map(({ name }) => name)).toEqual(['is left', 'begins', 'next'])
    const [leftOver, begun] = spans
    expect(leftOver?.ended).toBe(begun?.ended)
  })

  it('end with what throws, which is thrown on', async () => {
    const spans: Span[] = []
    const recorder = openRecorder((span) => spans.push(span))
    const fail = (): never => {
      throw new Error('once')
    }
    expect(() => recorder.span('sync', fail, {})).toThrow('once')
    await expect(recorder.span('async', async () => fail(), {})).rejects.toThrow('once')
    expect(spans.map(({ name }) => name)).toEqual(['sync', 'async'])
  })
})

describe('times by name', () => {
  it('add up to what the outermost took', async () => {
    await fc.assert(
      fc.asyncProperty(
        work.filter((top) => !JSON.stringify(top).includes('together')),
        async (top) => {
          const { spans } = await recorded(top)
          const times = selfTimes()
          for (const span of spans) times.add(span)
          const all = times.sorted().reduce((sum, [, milliseconds]) => sum + milliseconds, 0)
          const outermost = spans.at(-1)
          expect(all).toBe((outermost?.ended ?? 0) - (outermost?.began ?? 0))
        },
      ),
    )
  })
})
