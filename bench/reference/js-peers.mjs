// Training steps in JavaScript libraries, for bench/js-peers.ts: {"library": ..., "step": ..., "milliseconds": [...], "losses": [first, last]} a line.
//   node js-peers.mjs LIBRARY STEP ROUNDS, in a folder with @jax-js/jax or @tensorflow/tfjs and its wasm backend installed
import { performance } from 'node:perf_hooks'

const [library, step, rounds = '5'] = process.argv.slice(2)
const steps = {
  article: { widths: [784, 10], batch: 64, optimiser: 'sgd', penalty: 1000 },
  'mlp-100': { widths: [784, 100, 100, 10], batch: 64, optimiser: 'sgd', penalty: 1000 },
  'mlp-400': { widths: [784, 400, 400, 10], batch: 128, optimiser: 'adam', penalty: 0 },
  'mlp-400-sgd': { widths: [784, 400, 400, 10], batch: 128, optimiser: 'sgd', penalty: 0 },
}
const { widths, batch, optimiser, penalty } = steps[step]
let state = 12345
const uniform = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return state / 2 ** 32
}
const drawn = (size, scale) => Float32Array.from({ length: size }, () => (uniform() - 0.5) * 2 * scale)
const layers = widths.slice(1).map((width, at) => ({
  w: { dims: [widths[at], width], data: drawn(widths[at] * width, 1 / Math.sqrt(widths[at])) },
  b: { dims: [width], data: new Float32Array(width) },
}))
const x = { dims: [batch, widths[0]], data: drawn(batch * widths[0], 1).map(Math.abs) }
const classes = widths.at(-1)
const labels = Array.from({ length: batch }, () => Math.floor(uniform() * classes))
const oneHot = new Float32Array(batch * classes)
labels.forEach((label, row) => {
  oneHot[row * classes + label] = 1
})

const { call, loss } = await { tfjs, jax }[library]()
const first = await loss()
for (let at = 0; at < 10; at++) await call()
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
console.log(JSON.stringify({ library, step, milliseconds, losses: [first, await loss()] }))

async function tfjs() {
  const tf = await import('@tensorflow/tfjs')
  await import('@tensorflow/tfjs-backend-wasm')
  await tf.setBackend('wasm')
  await tf.ready()
  if (tf.getBackend() !== 'wasm') throw new Error(`The backend is ${tf.getBackend()}.`)
  const variables = layers.flatMap(({ w, b }) =>
    [w, b].map(({ dims, data }) => tf.variable(tf.tensor(data, dims))),
  )
  const anchors = variables.map((one) => tf.add(one, 0.01))
  const importance = variables.map((one) => tf.square(one))
  const input = tf.tensor(x.data, x.dims)
  const target = tf.tensor(oneHot, [batch, classes])
  const objective = () => {
    let value = input
    for (let at = 0; at < variables.length; at += 2) {
      value = tf.add(tf.matMul(value, variables[at]), variables[at + 1])
      if (at + 2 < variables.length) value = tf.relu(value)
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
    call: () => rule.minimize(objective, false, variables),
    loss: () => tf.tidy(() => objective().dataSync()[0]),
  }
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
  const objective = (theta, fixed) => {
    let value = fixed.input
    for (let at = 0; at < theta.length; at += 2) {
      value = np.matmul(value, theta[at].ref).add(theta[at + 1].ref)
      if (at + 2 < theta.length) value = nn.relu(value)
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
