// Forms of a batch's shifted and flipped gather against each other: one thread, alternating, medians.
//   node scripts/run.mjs bench/augment-forms.ts [--rounds 15]
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import type { Executable } from '../src/engine/engine.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { median } from '../src/measure/statistics.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { add, cast, expand, ints, matmul, mul, reshape, scalar, type Value } from '../src/ops/core/index.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } })

type Dims = readonly [batch: number, channels: number, height: number, width: number]
/** From the pool [N, C, H, W], its rows and each row's [first row, first column, step of columns], int32 [B, 3]. */
type Form = (builder: GraphBuilder, pool: Value, rows: Value, place: Value, dims: Dims) => Value

const int32 = (data: readonly number[], dims: readonly number[]): Tensor<'int32'> => ({
  type: 'int32',
  dims,
  data: Int32Array.from(data),
})
const range = (n: number) => Array.from({ length: n }, (_, at) => at)

/** Which pixel of the stored image each row and column is: [B, H] and [B, W]; those outside are below 0 or too large. */
function sources(b: GraphBuilder, place: Value, [batch, , height, width]: Dims) {
  const part = (at: number) => b.op('Slice', [place, ints(b, [at]), ints(b, [at + 1]), ints(b, [1])])
  const y = add(b, part(0), b.constant(int32(range(height), [1, height])))
  const x = add(b, part(1), mul(b, part(2), b.constant(int32(range(width), [1, width]))))
  return { y: reshape(b, y, [batch, height]), x: reshape(b, x, [batch, width]) }
}

const within = (b: GraphBuilder, at: Value, size: number): Value =>
  b.op('And', [b.op('GreaterOrEqual', [at, scalar(b, 0, at)]), b.op('Less', [at, scalar(b, size, at)])])
const clamped = (b: GraphBuilder, at: Value, size: number): Value =>
  b.op('Clip', [at, scalar(b, 0, at), scalar(b, size - 1, at)])

const gathered: Form = (b, pool, rows) => cast(b, b.op('Gather', [pool, rows]), 'float32')

/** Pixels by one index each, the same for all channels, [batch, channels, height, width] of the pool's type; those outside are any. */
function moved(b: GraphBuilder, pool: Value, rows: Value, y: Value, x: Value, dims: Dims): Value {
  const [batch, channels, height, width] = dims
  const images = reshape(b, b.op('Gather', [pool, rows]), [batch, channels, height * width])
  const row = mul(b, clamped(b, reshape(b, y, [batch, height, 1]), height), scalar(b, width, y))
  const index = add(b, row, clamped(b, reshape(b, x, [batch, 1, width]), width))
  const every = expand(b, reshape(b, index, [batch, 1, height * width]), [batch, channels, height * width])
  return reshape(b, b.op('GatherElements', [images, every], { axis: 2 }), dims)
}

/** Which pixels lie inside the image they are taken from, bool [batch, 1, height, width]. */
const lies = (b: GraphBuilder, y: Value, x: Value, [batch, , height, width]: Dims): Value =>
  b.op('And', [
    reshape(b, within(b, y, height), [batch, 1, height, 1]),
    reshape(b, within(b, x, width), [batch, 1, 1, width]),
  ])

const inside = (b: GraphBuilder, pixels: Value, y: Value, x: Value, dims: Dims): Value =>
  mul(b, pixels, cast(b, lies(b, y, x, dims), 'float32'))

/** What is outside becomes 0 afterwards. */
const byElements: Form = (b, pool, rows, place, dims) => {
  const { y, x } = sources(b, place, dims)
  return inside(b, cast(b, moved(b, pool, rows, y, x, dims), 'float32'), y, x, dims)
}

/** The same; what is outside becomes 0 while pixels still are bytes. */
const byBytes: Form = (b, pool, rows, place, dims) => {
  const { y, x } = sources(b, place, dims)
  const pixels = moved(b, pool, rows, y, x, dims)
  return cast(b, b.op('Where', [lies(b, y, x, dims), pixels, scalar(b, 0, pixels)]), 'float32')
}

/** Single pixels from the whole pool. */
const byPixels: Form = (b, pool, rows, place, dims) => {
  const [batch, channels, height, width] = dims
  const { y, x } = sources(b, place, dims)
  const size = height * width
  const first = mul(b, reshape(b, rows, [batch, 1, 1, 1]), scalar(b, channels * size, rows))
  const channel = b.constant(
    int32(
      range(channels).map((c) => c * size),
      [1, channels, 1, 1],
    ),
  )
  const row = mul(b, clamped(b, reshape(b, y, [batch, 1, height, 1]), height), scalar(b, width, y))
  const column = clamped(b, reshape(b, x, [batch, 1, 1, width]), width)
  const index = add(b, add(b, add(b, first, channel), row), column)
  const flat = b.op('Gather', [reshape(b, pool, [-1]), index])
  return inside(b, cast(b, flat, 'float32'), y, x, dims)
}

/** Rows of images from the whole pool, then columns by a product with zeros and ones. */
const byRows: Form = (b, pool, rows, place, dims) => {
  const [batch, channels, height, width] = dims
  const { y, x } = sources(b, place, dims)
  const first = mul(b, reshape(b, rows, [batch, 1, 1]), scalar(b, channels * height, rows))
  const channel = b.constant(
    int32(
      range(channels).map((c) => c * height),
      [1, channels, 1],
    ),
  )
  const index = add(b, add(b, first, channel), clamped(b, reshape(b, y, [batch, 1, height]), height))
  const lines = cast(b, b.op('Gather', [reshape(b, pool, [-1, width]), index]), 'float32')
  const some = mul(b, lines, cast(b, reshape(b, within(b, y, height), [batch, 1, height, 1]), 'float32'))
  const columns = picking(b, x, width, 'columns')
  return matmul(b, some, reshape(b, columns, [batch, 1, width, width]))
}

/** 1 where output k is source j: [B, source, output] for columns, [B, output, source] for rows. */
function picking(b: GraphBuilder, at: Value, size: number, which: 'rows' | 'columns'): Value {
  const batch = at.dims[0] ?? 1
  const [wanted, all] =
    which === 'columns'
      ? [reshape(b, at, [batch, 1, size]), int32(range(size), [1, size, 1])]
      : [reshape(b, at, [batch, size, 1]), int32(range(size), [1, 1, size])]
  return cast(b, b.op('Equal', [wanted, b.constant(all)]), 'float32')
}

/** Rows and columns by products with zeros and ones; what is outside is in no column. */
const byProducts: Form = (b, pool, rows, place, dims) => {
  const [batch, channels, height, width] = dims
  const { y, x } = sources(b, place, dims)
  const stored = cast(b, b.op('Gather', [pool, rows]), 'float32')
  const columns = reshape(b, picking(b, x, width, 'columns'), [batch, width, width])
  const across = matmul(b, reshape(b, stored, [batch, channels * height, width]), columns)
  const lines = reshape(b, picking(b, y, height, 'rows'), [batch, 1, height, height])
  return matmul(b, lines, reshape(b, across, dims))
}

/** Pixels [B, H, W, C] picked as slices of C; the channels change places before and after. */
const bySlices: Form = (b, pool, rows, place, dims) => {
  const [batch, channels, height, width] = dims
  const { y, x } = sources(b, place, dims)
  const stored = b.op('Transpose', [b.op('Gather', [pool, rows])], { perm: [0, 2, 3, 1] })
  const row = mul(b, clamped(b, reshape(b, y, [batch, height, 1]), height), scalar(b, width, y))
  const index = add(b, row, clamped(b, reshape(b, x, [batch, 1, width]), width))
  const picked = b.op(
    'GatherND',
    [
      reshape(b, stored, [batch, height * width, channels]),
      cast(b, reshape(b, index, [batch, height * width, 1]), 'int64'),
    ],
    { batch_dims: 1 },
  )
  const moved = b.op('Transpose', [reshape(b, picked, [batch, height, width, channels])], {
    perm: [0, 3, 1, 2],
  })
  return inside(b, cast(b, moved, 'float32'), y, x, dims)
}

const forms = { gathered, byElements, byBytes, byPixels, byRows, byProducts, bySlices }

interface Contender {
  readonly name: string
  readonly executable: Executable
  readonly milliseconds: number[]
  result?: Float32Array
}

async function contender(name: string, form: Form, feeds: ReadonlyMap<string, Tensor>, dims: Dims) {
  const builder = new GraphBuilder()
  const input = (key: string) => builder.input(key, feeds.get(key) ?? float32([]))
  builder.output(form(builder, input('pool'), input('rows'), input('place'), dims), 'result')
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish(name)))
  const found: Contender = { name, executable, milliseconds: [] }
  return found
}

const sizes: readonly Dims[] = [
  [64, 3, 32, 32],
  [128, 1, 28, 28],
  [32, 3, 224, 224],
]
const random = randomStream(1, 'augment-forms')
for (const dims of sizes) {
  const [batch, channels, height, width] = dims
  const samples = height > 100 ? 100 : 2000
  const pixels = Uint8Array.from({ length: samples * channels * height * width }, () => random.integer(256))
  const pad = Math.round(height / 8)
  const place = range(batch).flatMap(() => {
    const flip = random.integer(2) === 1
    const shift = random.integer(2 * pad + 1) - pad
    return [random.integer(2 * pad + 1) - pad, flip ? width - 1 + shift : shift, flip ? -1 : 1]
  })
  const feeds = new Map<string, Tensor>([
    ['pool', { type: 'uint8', dims: [samples, channels, height, width], data: pixels }],
    [
      'rows',
      int32(
        range(batch).map(() => random.integer(samples)),
        [batch],
      ),
    ],
    ['place', int32(place, [batch, 3])],
  ])
  const all: Contender[] = []
  for (const [name, form] of Object.entries(forms)) all.push(await contender(name, form, feeds, dims))
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const one of all) {
      const used = new Map([...feeds].filter(([name]) => one.executable.inputs.includes(name)))
      const began = performance.now()
      const outputs = await one.executable.run(used)
      if (round > 0) one.milliseconds.push(performance.now() - began)
      one.result = outputs.get('result')?.data as Float32Array
    }
  }
  console.log(`batch ${dims.join(' x ')}`)
  const [, first] = all
  for (const { name, milliseconds, result, executable } of all) {
    const same = result?.every((value, at) => value === first?.result?.[at])
    console.log(
      `  ${name.padEnd(12)} ${median(milliseconds).toFixed(2).padStart(7)} ms, fastest ${Math.min(
        ...milliseconds,
      )
        .toFixed(2)
        .padStart(6)}${name === 'gathered' || same ? '' : '  DIFFERENT'}`,
    )
    await executable.dispose()
  }
}
