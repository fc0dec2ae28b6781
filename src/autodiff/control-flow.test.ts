import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import {
  type Attributes,
  type Graph,
  graph as graphAttribute,
  type Node,
  type ValueInfo,
} from '../onnx/graph.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { backward } from './gradients.ts'
import { specialise } from './specialise.ts'

const engine = ortNode({ threads: 1 })

const node = (op: string, inputs: string[], outputs: string[], attributes: Attributes = {}): Node => ({
  op,
  domain: '',
  name: `${op.toLowerCase()}_${outputs[0]}`,
  inputs,
  outputs,
  attributes,
})
const info = (name: string, type: ValueInfo['type'] = 'float32', dims?: number[]): ValueInfo => ({
  name,
  type,
  dims,
})
const bool = (value: boolean): Tensor => ({ type: 'bool', dims: [], data: Uint8Array.of(Number(value)) })

const graphOf = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>> = {},
  inputs: readonly ValueInfo[] = [info('x', 'float32', [2, 3])],
  outputs: readonly ValueInfo[] = [info('y')],
): Graph => ({ name: 'g', inputs, outputs, initializers: new Map(Object.entries(initializers)), nodes })

const x = float32([2, 3], [1, -2, 3, -4, 5, -6])

async function run(graph: Graph): Promise<Record<string, number[]>> {
  const executable = await engine.load(encodeGraph(graph))
  const results = await executable.run(
    new Map([['x', x]].filter(([name]) => executable.inputs.includes(String(name))) as [string, Tensor][]),
  )
  await executable.dispose()
  return Object.fromEntries([...results].map(([name, tensor]) => [name, toNumbers(tensor)]))
}

function specialised(graph: Graph): Graph {
  const builder = new GraphBuilder()
  const { outputs } = specialise(builder, graph, {}, new Map([['x', builder.input('x', x)]]))
  for (const [name, value] of outputs) builder.output(value, name)
  return builder.finish('specialised')
}

const problem = (graph: Graph): unknown => {
  try {
    specialised(graph)
  } catch (error) {
    return error
  }
  return undefined
}

/** Runs the graph as it is and without its control flow: both give the same. */
async function expectSame(graph: Graph): Promise<Graph> {
  const flat = specialised(graph)
  expect(flat.nodes.map(({ op }) => op)).not.toEqual(expect.arrayContaining(['If']))
  expect(flat.nodes.map(({ op }) => op)).not.toEqual(expect.arrayContaining(['Loop']))
  expect(flat.nodes.map(({ op }) => op)).not.toEqual(expect.arrayContaining(['Scan']))
  const [expected, found] = [await run(graph), await run(flat)]
  expect(found).toEqual(expected)
  expect(Object.keys(found).length).toBeGreaterThan(0)
  return flat
}

/** y = x w in one branch, x - w in the other; both read values of the graph around them. */
const branches = {
  then_branch: graphAttribute(graphOf([node('Mul', ['x', 'w'], ['a'])], {}, [], [info('a')])),
  else_branch: graphAttribute(graphOf([node('Sub', ['x', 'w'], ['b'])], {}, [], [info('b')])),
}

describe('If', () => {
  it.each([true, false])('becomes the branch that its constant condition takes: %s', async (taken) => {
    const nodes = [node('If', ['c'], ['y'], branches)]
    const flat = await expectSame(graphOf(nodes, { c: bool(taken), w: float32([], [2]) }))
    expect(flat.nodes.map(({ op }) => op)).toEqual([taken ? 'Mul' : 'Sub'])
  })

  it('sees conditions that only become constant when dims are known', async () => {
    const nodes = [
      node('Shape', ['x'], ['s']),
      node('Gather', ['s', 'one'], ['columns']),
      node('Equal', ['columns', 'three'], ['c']),
      node('Neg', ['x'], ['w']),
      node('If', ['c'], ['y'], branches),
    ]
    const flat = await expectSame(graphOf(nodes, { one: int64([], [1]), three: int64([], [3]) }))
    expect(flat.nodes.map(({ op }) => op)).toEqual(['Neg', 'Mul'])
  })

  it('does not look at what only the other branch reads', () => {
    const nodes = [
      node('Nonsense', ['x'], ['w']),
      node('Exp', ['x'], ['e']),
      node('If', ['c'], ['y'], {
        ...branches,
        else_branch: graphAttribute(graphOf([node('Neg', ['e'], ['b'])], {}, [], [info('b')])),
      }),
    ]
    expect(specialised(graphOf(nodes, { c: bool(false) })).nodes.map(({ op }) => op)).toEqual(['Exp', 'Neg'])
  })

  it('is refused by name when its condition depends on the data', () => {
    const nodes = [
      node('ReduceSum', ['x'], ['sum'], { keepdims: 0 }),
      node('Greater', ['sum', 'w'], ['c']),
      node('If', ['c'], ['y'], branches),
    ]
    expect(problem(graphOf(nodes, { w: float32([], [0]) }))).toMatchObject({
      code: 'control-flow',
      message: expect.stringMatching(/If "if_y".*condition/),
    })
  })
})

/** carried = carried w + x; hands out carried + turn. */
const loopBody = graphAttribute(
  graphOf(
    [
      node('Mul', ['carried', 'w'], ['product']),
      node('Add', ['product', 'x'], ['next']),
      node('Cast', ['turn'], ['number'], { to: 1 }),
      node('Add', ['next', 'number'], ['out']),
      node('Identity', ['go'], ['on']),
    ],
    {},
    [info('turn', 'int64', []), info('go', 'bool', []), info('carried', 'float32', [2, 3])],
    [info('on', 'bool', []), info('next', 'float32', [2, 3]), info('out', 'float32', [2, 3])],
  ),
)

describe('Loop', () => {
  const loop = (trips: number) =>
    graphOf(
      [node('Loop', ['m', '', 'x'], ['y', 'z'], { body: loopBody })],
      { m: int64([], [trips]), w: float32([], [0.5]) },
      undefined,
      [info('y'), info('z')],
    )

  it('is unrolled, carrying values along and stacking what it hands out', async () => {
    await expectSame(loop(3))
  })

  it('stops where its own condition says so', async () => {
    const body = graphOf(
      [node('Add', ['carried', 'x'], ['next']), node('Less', ['turn', 'last'], ['on'])],
      { last: int64([], [1]) },
      [info('turn', 'int64', []), info('go', 'bool', []), info('carried', 'float32', [2, 3])],
      [info('on', 'bool', []), info('next', 'float32', [2, 3])],
    )
    const nodes = [node('Loop', ['', 'c', 'x'], ['y'], { body: graphAttribute(body) })]
    const flat = await expectSame(graphOf(nodes, { c: bool(true) }))
    expect(flat.nodes.map(({ op }) => op)).toEqual(['Add', 'Add'])
  })

  it('lets gradients through', async () => {
    const builder = new GraphBuilder()
    const value = builder.input('x', x)
    const w = builder.parameter('w', float32([], [0.5]))
    const { outputs } = specialise(
      builder,
      loop(2),
      {},
      new Map([
        ['x', value],
        ['w', w],
      ]),
    )
    const y = outputs.get('y')
    if (!y) throw new Error('no y')
    const ones = builder.constant(float32([2, 3], [1, 1, 1, 1, 1, 1]))
    const [dw] = backward(builder, [{ of: y, gradient: ones }], [w])
    builder.output(dw ?? w, 'dw')
    // y = (x w + x) w + x, so dy/dw = 2 x w + x = 2 x for w = 1/2; the sum of x is -3.
    expect((await run(builder.finish('gradient'))).dw).toEqual([-6])
  })

  it('is refused by size when it would become too large', () => {
    expect(problem(loop(10_000))).toMatchObject({
      code: 'control-flow',
      message: expect.stringMatching(/10000 times.*50000/),
    })
  })
})

describe('Scan', () => {
  it.each([
    {},
    { scan_input_directions: [1], scan_output_directions: [1] },
    { scan_input_axes: [1], scan_output_axes: [1] },
  ])('is unrolled over concrete dims: %o', async (attributes) => {
    const width = attributes.scan_input_axes ? 2 : 3
    const body = graphOf(
      [node('Add', ['sum', 'slice'], ['next']), node('Mul', ['next', 'slice'], ['out'])],
      {},
      [info('sum', 'float32', [width]), info('slice', 'float32', [width])],
      [info('next', 'float32', [width]), info('out', 'float32', [width])],
    )
    const nodes = [
      node('Scan', ['start', 'x'], ['y', 'z'], {
        body: graphAttribute(body),
        num_scan_inputs: 1,
        ...attributes,
      }),
    ]
    await expectSame(
      graphOf(nodes, { start: float32([width], new Float32Array(width).fill(1)) }, undefined, [
        info('y'),
        info('z'),
      ]),
    )
  })
})
