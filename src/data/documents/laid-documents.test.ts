import { describe, expect, it } from 'vitest'
import { itemAt } from '../../required.ts'
import type { Spill } from '../spilled.ts'
import type { TokenDocument } from './document.ts'
import { documentKeeper } from './laid-documents.ts'
import { tokenSpan } from './token-span.ts'

/** A disk that says how much is read of it, and can fail once it has read a part. */
function disk() {
  const laid = new Uint8Array(2 ** 20)
  let end = 0
  const told = { reads: 0, bytes: 0, fails: false }
  const spill: Spill = {
    reserve: () => false,
    keep: (rows) => rows,
    lay: (bytes) => {
      laid.set(bytes, end)
      end += bytes.length
      return end - bytes.length
    },
    read: (at, into) => {
      told.reads++
      told.bytes += into.length
      into.set(laid.subarray(at, at + (told.fails ? into.length >> 1 : into.length)))
      if (told.fails) throw new Error('the disk fails')
    },
  }
  return { spill, told }
}

const tokens = 20_000
const marked: TokenDocument = {
  ...{ place: 'long.txt', bytes: tokens },
  ids: Int32Array.from({ length: tokens }, (_, at) => 7 * at),
  learned: Uint8Array.from({ length: tokens }, (_, at) => (at % 3 === 0 ? 0 : 1)),
}
const length = 128
const rows = Int32Array.from({ length: Math.floor(tokens / length) }, (_, row) => row)

/** Reads rows of tokens, and compares them with those laid down. */
function sameRows(document: TokenDocument, order: Int32Array): void {
  for (const row of order) {
    const [from, to] = [row * length, (row + 1) * length]
    expect(tokenSpan(document, from, to)).toEqual(tokenSpan(marked, from, to))
  }
}

describe('tokens on disk', () => {
  it('are read in few pieces where rows are asked for in order', () => {
    const { spill, told } = disk()
    sameRows(documentKeeper(spill)(marked), rows)
    expect(told.reads).toBeLessThan(10)
  })

  it('are read row by row where no row goes on behind the one before', () => {
    const { spill, told } = disk()
    sameRows(documentKeeper(spill)(marked), rows.toReversed())
    expect(told.bytes).toBe(5 * length * rows.length)
  })

  it('are what was laid down after a reading that failed, too', () => {
    const { spill, told } = disk()
    const document = documentKeeper(spill)(marked)
    sameRows(document, rows.subarray(0, 1))
    told.fails = true
    const far = itemAt(rows, rows.length - 1, 'row')
    expect(() => tokenSpan(document, far * length, (far + 1) * length)).toThrow('the disk fails')
    told.fails = false
    sameRows(document, Int32Array.of(0, far))
  })
})
