// Training steps in JavaScript libraries, for bench/js-peers.ts, a line of JSON: {"library", "backend", "threads", "step", "milliseconds": [...], "losses": [first, last]}.
//   node js-peers.mjs LIBRARY STEP ROUNDS [THREADS], in a folder with @jax-js/jax, @tensorflow/tfjs and its wasm backend, or @tensorflow/tfjs-node installed
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'

const [library, step, rounds = '5', threads = '1'] = process.argv.slice(2)
const [small, wide] = [
  [784, 100, 100, 10],
  [784, 400, 400, 10],
]
const steps = {
  article: { widths: [784, 10], batch: 64, optimiser: 'sgd', penalty: 1000 },
  'mlp-100': { widths: small, batch: 64, optimiser: 'sgd', penalty: 1000 },
  'mlp-400': { widths: wide, batch: 128, optimiser: 'adam', penalty: 0 },
  'mlp-400-ewc': { widths: wide, batch: 128, optimiser: 'adam', penalty: 1000 },
  'mlp-400-sgd': { widths: wide, batch: 128, optimiser: 'sgd', penalty: 0 },
  'cnn-small': {
    channels: [3, 32, 32, 64, 64, 128],
    widths: [128, 10],
    batch: 64,
    optimiser: 'sgd',
    penalty: 0,
  },
}
const { channels = [], widths, batch, optimiser, penalty } = steps[step]
const convolutions = Math.max(0, channels.length - 1)
/** Behind which convolutions there is a 2x2 max-pooling. */
const pooled = new Set([1, 3])
let state = 12345
const uniform = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}
const drawn = (size, scale) => Float32Array.from({ length: size }, () => (uniform() - 0.5) * 2 * scale)
const kernels = channels.slice(1).map((outputs, at) => {
  const inputs = channels[at]
  const dims = [9 * inputs, outputs]
  return {
    w: { dims, data: drawn(9 * inputs * outputs, Math.sqrt(2 / (9 * inputs))) },
    b: { dims: [outputs], data: new Float32Array(outputs) },
  }
})
const linear = widths.slice(1).map((width, at) => ({
  w: { dims: [widths[at], width], data: drawn(widths[at] * width, 1 / Math.sqrt(widths[at])) },
  b: { dims: [width], data: new Float32Array(width) },
}))
const layers = [...kernels, ...linear]
const sample = convolutions === 0 ? [widths[0]] : [32, 32, 3]
const size = sample.reduce((product, dim) => product * dim, batch)
const x = { dims: [batch, ...sample], data: drawn(size, 1).map(Math.abs) }
const classes = widths.at(-1)
const labels = Array.from({ length: batch }, () => Math.floor(uniform() * classes))
const oneHot = new Float32Array(batch * classes)
labels.forEach((label, row) => {
  oneHot[row * classes + label] = 1
})

const { call, loss, ...told } = await { tfjs, 'tfjs-node': tfjs, jax }[library]()
const first = await loss()
const warming = performance.now()
for (let at = 0; at < 10 && performance.now() - warming < 3000; at++) await call()
const milliseconds = []
for (let round = 0; round < Number(rounds); round++) {
  const began = performance.now()
  let count = 0
  while (performance.now() - began < 1000) {
    await call()
    count++
  }
  await loss()
  milliseconds.push((performance.now() - began) / count)
}
console.log(JSON.stringify({ library, ...told, step, milliseconds, losses: [first, await loss()] }))

async function tfjs() {
  const { tf, backend, used } = await (library === 'tfjs' ? wasm() : addon())
  await tf.ready()
  if (tf.getBackend() !== backend) throw new Error(`The backend is ${tf.getBackend()}.`)
  const variables = layers.flatMap(({ w, b }) =>
    [w, b].map(({ dims, data }) => tf.variable(tf.tensor(data, dims))),
  )
  const anchors = variables.map((one) => tf.add(one, 0.01))
  const importance = variables.map((one) => tf.square(one))
  const input = tf.tensor(x.data, x.dims)
  const target = tf.tensor(oneHot, [batch, classes])
  const objective = () => {
    let value = input
    for (let at = 0; 2 * at < variables.length; at++) {
      const [w, b] = [variables[2 * at], variables[2 * at + 1]]
      value = tf.add(at < convolutions ? convolved(tf, value, w) : tf.matMul(value, w), b)
      if (2 * at + 2 < variables.length) value = tf.relu(value)
      if (at < convolutions && pooled.has(at)) value = tf.maxPool(value, 2, 2, 'valid')
      if (at === convolutions - 1) value = tf.mean(value, [1, 2])
    }
    let total = tf.losses.softmaxCrossEntropy(target, value)
    if (penalty > 0) {
      variables.forEach((one, at) => {
        const apart = tf.mul(importance[at], tf.square(tf.sub(one, anchors[at])))
        total = tf.add(total, tf.mul(tf.sum(apart), penalty / 2))
      })
    }
    return total
  }
  const rule = optimiser === 'adam' ? tf.train.adam(1e-3) : tf.train.momentum(1e-3, 0.9)
  return {
    backend,
    threads: used,
    call: () => rule.minimize(objective, false, variables),
    loss: () => tf.tidy(() => objective().dataSync()[0]),
  }
}

async function wasm() {
  const tf = await import('@tensorflow/tfjs')
  const backend = await import('@tensorflow/tfjs-backend-wasm')
  const several = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT')
  if (several) backend.setThreadsCount(Number(threads))
  await tf.setBackend('wasm')
  return { tf, backend: 'wasm', used: several ? Number(threads) : 1 }
}

async function addon() {
  process.env.OMP_NUM_THREADS = threads
  process.env.TF_NUM_INTRAOP_THREADS = threads
  process.env.TF_NUM_INTEROP_THREADS = '1'
  const { default: tf } = await import('@tensorflow/tfjs-node')
  return { tf, backend: 'tensorflow', used: Number(threads) }
}

/** A 3x3 convolution that keeps the size. The WebAssembly backend has no gradient of a kernel: there it is a product of shifted images. */
function convolved(tf, images, w) {
  const [rows, height, width, depth] = images.shape
  const outputs = w.shape[1]
  if (library !== 'tfjs') return tf.conv2d(images, tf.reshape(w, [3, 3, depth, outputs]), 1, 'same')
  const around = tf.pad(images, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ])
  const shifted = Array.from({ length: 9 }, (_, at) =>
    tf.slice(around, [0, Math.floor(at / 3), at % 3, 0], [rows, height, width, depth]),
  )
  const windows = tf.reshape(tf.concat(shifted, 3), [rows * height * width, 9 * depth])
  return tf.reshape(tf.matMul(windows, w), [rows, height, width, outputs])
}

async function jax() {
  const {
    init,
    defaultDevice,
    jit,
    valueAndGrad,
    nn,
    numpy: np,
    blockUntilReady,
  } = await import('@jax-js/jax')
  await init('wasm')
  defaultDevice('wasm')
  const arrayOf = ({ dims, data }) => np.array(data).reshape(dims)
  let parameters = layers.flatMap(({ w, b }) => [arrayOf(w), arrayOf(b)])
  const anchors = parameters.map((one) => one.ref.add(0.01))
  const importance = parameters.map((one) => one.ref.mul(one.ref))
  const input = arrayOf(x)
  const target = arrayOf({ dims: [batch, classes], data: oneHot })
  // A product of shifted images: `lax.conv` had not done a step of this size after minutes.
  const convolution = (images, w) => {
    const [rows, height, width, depth] = images.shape
    const outputs = w.shape[1]
    const around = np.pad(images, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ])
    const shifted = Array.from({ length: 9 }, (_, at) => {
      const [top, left] = [Math.floor(at / 3), at % 3]
      return around.ref.slice([], [top, top + height], [left, left + width], [])
    })
    around.dispose()
    const windows = np.concatenate(shifted, 3).reshape([rows * height * width, 9 * depth])
    return np.matmul(windows, w).reshape([rows, height, width, outputs])
  }
  const halved = (images) => {
    const [rows, height, width, depth] = images.shape
    return np.max(images.reshape([rows, height / 2, 2, width / 2, 2, depth]), [2, 4])
  }
  const objective = (theta, fixed) => {
    let value = fixed.input
    for (let at = 0; 2 * at < theta.length; at++) {
      const [w, b] = [theta[2 * at].ref, theta[2 * at + 1].ref]
      value = (at < convolutions ? convolution(value, w) : np.matmul(value, w)).add(b)
      if (2 * at + 2 < theta.length) value = nn.relu(value)
      if (at < convolutions && pooled.has(at)) value = halved(value)
      if (at === convolutions - 1) value = np.mean(value, [1, 2])
    }
    let total = nn
      .logSoftmax(value)
      .mul(fixed.target)
      .sum()
      .mul(-1 / batch)
    if (penalty > 0) {
      theta.forEach((one, at) => {
        const apart = one.ref.sub(fixed.anchors[at])
        total = total.add(
          apart.ref
            .mul(apart)
            .mul(fixed.importance[at])
            .sum()
            .mul(penalty / 2),
        )
      })
    }
    for (const one of theta) one.dispose()
    return total
  }
  const fixed = () => ({
    input: input.ref,
    target: target.ref,
    ...(penalty > 0
      ? { anchors: anchors.map((one) => one.ref), importance: importance.map((one) => one.ref) }
      : {}),
  })
  const zeros = () => parameters.map((one) => one.ref.mul(0))
  const stepped = {
    sgd: jit((theta, first, given) => {
      const [value, gradient] = valueAndGrad(objective)(
        theta.map((one) => one.ref),
        given,
      )
      const velocity = first.map((one, at) => one.mul(0.9).add(gradient[at]))
      return { theta: theta.map((one, at) => one.sub(velocity[at].ref.mul(1e-3))), first: velocity, value }
    }),
    adam: jit((theta, first, second, rate, given) => {
      const [value, gradient] = valueAndGrad(objective)(
        theta.map((one) => one.ref),
        given,
      )
      const m = first.map((one, at) => one.mul(0.9).add(gradient[at].ref.mul(0.1)))
      const v = second.map((one, at) => one.mul(0.999).add(gradient[at].ref.mul(gradient[at]).mul(0.001)))
      const next = theta.map((one, at) => one.sub(m[at].ref.div(np.sqrt(v[at].ref).add(1e-8)).mul(rate.ref)))
      rate.dispose()
      return { theta: next, first: m, second: v, value }
    }),
  }
  let first = zeros()
  let second = zeros()
  let value = objective(
    parameters.map((one) => one.ref),
    fixed(),
  )
  let count = 0
  return {
    backend: 'wasm',
    // Its pool is made of a browser's workers.
    threads: typeof Worker === 'undefined' ? 1 : cpus().length,
    call: async () => {
      count++
      const rate = np.array([(1e-3 * Math.sqrt(1 - 0.999 ** count)) / (1 - 0.9 ** count)]).reshape([])
      value.dispose()
      const next =
        optimiser === 'adam'
          ? stepped.adam(parameters, first, second, rate, fixed())
          : stepped.sgd(parameters, first, fixed())
      parameters = next.theta
      first = next.first
      if (next.second) second = next.second
      value = next.value
      await blockUntilReady(parameters)
    },
    loss: async () => (await value.ref.data())[0],
  }
}
