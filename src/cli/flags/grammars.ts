import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'
import { told } from './kinds.ts'

const between =
  (least: number, most: number) =>
  (value: number): boolean =>
    value >= least && value <= most

/**
 * A share of the whole, as a fraction from 0 to below 1: `1%`, `0.01`, or `1pt` (a percentage point) are the same.
 *
 * @example share() // --max-drop 1% gives 0.01
 */
export const share = () =>
  told(z.number().min(0).lt(1), {
    hint: '1%|0.01|1pt',
    expected: 'a share of 0 or more, below 100 %, such as 1%, 0.01 or 1pt',
    read: (text) => {
      const [, digits, unit] = /^\s*(\d*\.?\d+|\d+\.)\s*(%|pts?|points?)?\s*$/.exec(text) ?? []
      return digits === undefined ? undefined : Number(digits) / (unit === undefined ? 1 : 100)
    },
    write: (value) => `${Number((100 * value).toPrecision(12))}%`,
  })

const MOST_SEEDS = 10_000

/**
 * Seeds: `4`, `1,4`, `1..3`, or a mixture.
 *
 * @example seeds() // --seeds 1..3,7 gives [1, 2, 3, 7]
 */
export const seeds = () =>
  told(z.array(z.int().min(0)).min(1), {
    hint: '1..3|1,4',
    expected: `seeds like 4, 1,4 or 1..3, ${MOST_SEEDS.toLocaleString('en-US')} of them at most in a range`,
    read: (text) => {
      const ranges = text.split(',').map(rangeOf)
      return ranges.includes(undefined) ? undefined : [...new Set(ranges.flatMap((range) => range ?? []))]
    },
    write: (values) => values.join(','),
  })

function rangeOf(text: string): number[] | undefined {
  const [, from, to] = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(text.trim()) ?? []
  if (from === undefined) return undefined
  const first = Number(from)
  const count = to === undefined ? 1 : Number(to) - first + 1
  return between(1, MOST_SEEDS)(count)
    ? Array.from({ length: count }, (_, index) => first + index)
    : undefined
}

/** One of several parts, counted from 1: `2/8`. */
export const shard = () =>
  told(z.strictObject({ part: z.int().min(1), of: z.int().min(1).max(MOST_SHARDS) }), {
    hint: 'I/N',
    expected: 'a part of n such as 2/8, counted from 1',
    read: (text) => {
      const [, part, of] = /^(\d{1,9})\/(\d{1,9})$/.exec(text.trim()) ?? []
      return part === undefined || Number(part) > Number(of)
        ? undefined
        : { part: Number(part), of: Number(of) }
    },
    write: ({ part, of }) => `${part}/${of}`,
  })

const MOST_SHARDS = 100_000

/** Training and test samples: `600,200`. */
export const limit = () =>
  told(z.strictObject({ train: bounds.samples(), test: bounds.samples() }), {
    hint: '600,200',
    expected: 'two numbers like 600,200 (training, test)',
    read: (text) => {
      const [, train, test] = /^(\d+),(\d+)$/.exec(text) ?? []
      return train === undefined ? undefined : { train: Number(train), test: Number(test) }
    },
    write: ({ train, test }) => `${train},${test}`,
  })

/** A rank, and alpha behind a colon: `8`, `8:16`. */
export const rankAndAlpha = () =>
  told(z.strictObject({ rank: bounds.width(), alpha: bounds.aboveZero().optional() }), {
    hint: 'RANK[:ALPHA]',
    expected: 'a rank such as 8, or rank and alpha such as 8:16',
    read: (text) => {
      const [, rank, alpha] = /^(\d+)(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? []
      if (rank === undefined) return undefined
      return { rank: Number(rank), ...(alpha !== undefined && { alpha: Number(alpha) }) }
    },
    write: ({ rank, alpha }) => (alpha === undefined ? String(rank) : `${rank}:${alpha}`),
  })

/** Sizes of dims by name: `sequence=64,width=32`. */
export const sizes = () =>
  told(z.record(z.string(), bounds.rows()), {
    hint: 'NAME=SIZE,…',
    expected: 'sizes as in sequence=64,width=32',
    read: (text) => {
      const entries = text.split(',').map((entry) => /^\s*(.+)=(\d+)\s*$/.exec(entry))
      if (entries.includes(null)) return undefined
      return Object.fromEntries(entries.map((found) => [found?.[1], Number(found?.[2])]))
    },
    write: (values) =>
      Object.entries(values)
        .map(([name, size]) => `${name}=${size}`)
        .join(','),
  })

/** A number, true or false; several numbers with colons between. */
function boundValue(text: string): number | boolean | number[] | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  const numbers = text.split(':').map((part) => (part.trim() === '' ? Number.NaN : Number(part)))
  const [first] = numbers
  if (first === undefined || numbers.some((value) => Number.isNaN(value))) return undefined
  return numbers.length === 1 ? first : numbers
}

/** Values for inputs by name: `sr=16000,enabled=true,size=640:480`. A name may hold an equals sign, a value none. */
export const bindings = () =>
  told(z.record(z.string(), z.union([z.number(), z.boolean(), z.array(z.number()).readonly()])), {
    hint: 'NAME=VALUE,…',
    expected: 'values as in sr=16000,enabled=true,size=640:480',
    read: (text) => {
      const entries = text.split(',').map((entry) => {
        const [, name = '', told = ''] = /^\s*(.+)=([^=]*)$/.exec(entry) ?? []
        return [name, boundValue(told.trim())] as const
      })
      const read = entries.flatMap(([name, value]) =>
        name === '' || value === undefined ? [] : [[name, value] as const],
      )
      return read.length === entries.length ? Object.fromEntries(read) : undefined
    },
    write: (values) =>
      Object.entries(values)
        .map(([name, value]) => `${name}=${typeof value === 'object' ? value.join(':') : value}`)
        .join(','),
  })

/** Pixels of images: `48x192`, height first. */
export const pixels = () =>
  told(z.object({ height: bounds.pixels(), width: bounds.pixels() }), {
    hint: 'HxW',
    expected: 'a height and a width in pixels such as 224x224',
    read: (text) => {
      const [, height, width] = /^\s*(\d{1,6})\s*x\s*(\d{1,6})\s*$/i.exec(text) ?? []
      return height === undefined ? undefined : { height: Number(height), width: Number(width) }
    },
    write: ({ height, width }) => `${height}x${width}`,
  })

const timeUnits = { s: 1, m: 60, h: 3600 } as const

/** Seconds, as a time with its unit: `90s`, `2m`, `1.5h`. */
export const seconds = () =>
  told(z.number().positive(), {
    hint: '90s|2m|1h',
    expected: 'a time above 0 with its unit such as 90s, 2m or 1h',
    read: (text) => {
      const [, digits, unit] = /^\s*(\d*\.?\d+)\s*([smh])\s*$/.exec(text) ?? []
      return unit === undefined ? undefined : Number(digits) * timeUnits[unit as keyof typeof timeUnits]
    },
    write: (value) => {
      const [unit, length] =
        Object.entries(timeUnits).findLast(([, size]) => value >= size && Number.isInteger(value / size)) ??
        (['s', 1] as const)
      return `${value / length}${unit}`
    },
  })

const units = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 } as const

/** Bytes: `8GB`, `512MiB`, `1000000`. */
export const byteCount = () =>
  told(z.int().min(1), {
    hint: '8GB',
    expected: 'a number of bytes such as 8GB or 512MiB',
    read: (text) => {
      const [, digits, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([KMG]?i?B)?\s*$/i.exec(text) ?? []
      const factor = units[unit.toLowerCase() as keyof typeof units]
      return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor)
    },
  })
