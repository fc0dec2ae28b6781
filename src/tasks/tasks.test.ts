import { expect, test } from 'vitest'
import { createDataset, type Dataset, samples } from '../data/dataset.ts'
import { float32 } from '../tensor/tensor.ts'
import { padImages, permutePixels, rotateImages } from './images.ts'
import { listStream } from './list.ts'
import { splitStream } from './split.ts'
import { jointUpTo, type TaskStream } from './stream.ts'
import { permutedStream, rotatedStream } from './variants.ts'

function dataset(labels: number[], classes: string[], values = labels.map((_, row) => row)): Dataset {
  return createDataset({
    name: 'points',
    inputs: float32([labels.length, values.length / labels.length], values),
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes,
  })
}
function images(
  height: number,
  width: number,
  pixels: number[],
  labels = [0],
  classes = ['a', 'b'],
): Dataset {
  return createDataset({
    name: 'images',
    synthetic: true,
    inputs: { type: 'uint8', dims: [labels.length, 1, height, width], data: Uint8Array.from(pixels) },
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes,
  })
}
const values = ({ inputs }: Dataset) => Array.from(inputs.data as Uint8Array)
const labelsOf = (part: Dataset | undefined) => Array.from(part?.labels.data ?? [])
const summary = (stream: TaskStream) =>
  stream.tasks.map((task) => ({
    units: task.units,
    rows: Array.from(task.train.inputs.data as Float32Array),
    labels: labelsOf(task.train),
  }))

const four = dataset([3, 2, 1, 0, 2], ['a', 'b', 'c', 'd'])

test('split: each class has its unit, in the task and class scenarios', () => {
  for (const scenario of ['task', 'class'] as const) {
    const stream = splitStream(four, four, { scenario })
    expect(stream).toMatchObject({
      name: 'split points',
      scenario,
      outputs: 4,
      dataset: { name: 'points', synthetic: false },
    })
    expect(summary(stream)).toEqual([
      { units: [0, 1], rows: [2, 3], labels: [1, 0] },
      { units: [2, 3], rows: [0, 1, 4], labels: [3, 2, 2] },
    ])
    expect(stream.tasks.map((task) => task.name)).toEqual(['a, b', 'c, d'])
  }
})

test('split: the domain scenario has the same units in every task', () => {
  const stream = splitStream(four, four, { scenario: 'domain' })
  expect(stream.outputs).toBe(2)
  expect(summary(stream)).toEqual([
    { units: [0, 1], rows: [2, 3], labels: [1, 0] },
    { units: [0, 1], rows: [0, 1, 4], labels: [1, 0, 0] },
  ])
  expect(stream.tasks[1]?.train.classes).toEqual(['a|c', 'b|d'])
})

test('split: units follow the order of the groups, and the names follow the units', () => {
  const stream = splitStream(four, four, { scenario: 'class', groups: [[3], [0, 2]] })
  expect(stream.outputs).toBe(3)
  expect(summary(stream)).toEqual([
    { units: [0], rows: [0], labels: [0] },
    { units: [1, 2], rows: [1, 3, 4], labels: [2, 1, 2] },
  ])
  expect(stream.tasks[0]?.train.classes).toEqual(['d', 'a', 'c'])
})

test('split: groups name their classes, and a seed decides which is learned first', () => {
  const groups = [['d'], ['a', 'c'], [1]]
  const units = (groupOrderSeed: number) =>
    splitStream(four, four, { scenario: 'class', groups, groupOrderSeed }).tasks.map(({ name }) => name)
  expect(units(0)).toEqual(['d', 'a, c', 'b'])
  const orders = [1, 2, 3, 4, 5].map(units)
  for (const order of orders) expect(order.toSorted()).toEqual(['a, c', 'b', 'd'])
  expect(new Set(orders.map(String)).size).toBeGreaterThan(1)
  expect(units(3)).toEqual(units(3))
  expect(() => splitStream(four, four, { scenario: 'class', groups: [['e']] })).toThrow(
    'Group 0 asks for the class "e", which the data do not have',
  )
})

test('split: seed 0 keeps the order of the classes, others permute it, each always the same', () => {
  const classes = Array.from({ length: 10 }, (_, i) => String(i))
  const ten = dataset(classes.map(Number), classes)
  const names = (seed: number) =>
    splitStream(ten, ten, { scenario: 'class', permuteClasses: seed }).tasks[0]?.train.classes ?? []
  expect(names(0)).toEqual(classes)
  expect(names(1)).toEqual(names(1))
  expect(names(1)).not.toEqual(classes)
  expect(names(1)).not.toEqual(names(2))
  expect(names(1).toSorted()).toEqual(classes)
  const stream = splitStream(ten, ten, { scenario: 'class', permuteClasses: 1 })
  for (const task of stream.tasks) {
    // In `ten`, a row's only value is its class: the unit's name has to be that class.
    const rows = Array.from(task.train.inputs.data as Float32Array, String)
    expect(labelsOf(task.train).map((unit) => task.train.classes[unit])).toEqual(rows)
    expect(labelsOf(task.train).toSorted()).toEqual(task.units)
  }
})

test('split: what cannot be divided is refused', () => {
  expect(() => splitStream(four, four, { scenario: 'task', classesPerTask: 3 })).toThrow(
    '4 classes cannot be divided',
  )
  expect(() => splitStream(four, four, { scenario: 'task', groups: [[0], [0]] })).toThrow(
    'Class 0 is in more than one place',
  )
  expect(() => splitStream(four, four, { scenario: 'task', groups: [[4]] })).toThrow('asks for class 4')
  expect(() => splitStream(four, four, { scenario: 'domain', groups: [[0], [1, 2]] })).toThrow('same size')
  expect(() => splitStream(four, { ...four, classes: ['d', 'c', 'b', 'a'] }, { scenario: 'task' })).toThrow(
    'one list of classes',
  )
  const sparse = dataset([0], ['a', 'b'])
  expect(() => splitStream(sparse, sparse, { scenario: 'task', classesPerTask: 1 }).tasks[1]?.train).toThrow(
    'there is no sample',
  )
})

test('joint data are those of all tasks so far', () => {
  const stream = splitStream(four, four, { scenario: 'class' })
  expect(labelsOf(jointUpTo(stream, 0))).toEqual([1, 0])
  expect(labelsOf(jointUpTo(stream, 1))).toEqual([1, 0, 3, 2, 2])
  expect(() => jointUpTo(stream, 2)).toThrow('tasks 0 to 1')
})

test('padding puts the image in the middle of black', () => {
  expect(values(padImages(images(2, 2, [1, 2, 3, 4]), 4))).toEqual([
    0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0,
  ])
  expect(() => padImages(images(2, 2, [1, 2, 3, 4]), 1)).toThrow('cannot be padded to 1 x 1')
  expect(() => padImages(four, 4)).toThrow('expected images')
})

test('a permutation moves every image alike', () => {
  const two = images(1, 3, [1, 2, 3, 4, 5, 6], [0, 1])
  expect(values(permutePixels(two, Int32Array.of(2, 0, 1)))).toEqual([3, 1, 2, 6, 4, 5])
  expect(() => permutePixels(two, Int32Array.of(0))).toThrow('does not fit')
})

test('rotation is anticlockwise, exact at quarter turns, and bilinear between', () => {
  const image = images(2, 2, [1, 2, 3, 4])
  expect(values(rotateImages(image, 90))).toEqual([2, 4, 1, 3])
  expect(values(rotateImages(image, -180))).toEqual([4, 3, 2, 1])
  expect(values(rotateImages(image, 360))).toEqual([1, 2, 3, 4])
  const dot = images(3, 3, [0, 0, 0, 0, 0, 200, 0, 0, 0])
  const turned = values(rotateImages(dot, 45))
  // The dot at the right moves towards the upper right, between the corner and its two neighbours.
  expect(turned[2]).toBeGreaterThan(50)
  expect(turned[8]).toBe(0)
})

test('permuted: the domain scenario keeps labels; tasks differ; a longer stream begins like a shorter', () => {
  const two = images(2, 3, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [0, 1])
  const stream = permutedStream(two, two, { tasks: 4, seed: 1 })
  expect(stream).toMatchObject({
    outputs: 2,
    scenario: 'domain',
    name: 'permuted images',
    dataset: { synthetic: true },
  })
  const rows = stream.tasks.map((task) => values(task.train))
  expect(rows[0]).toEqual(values(two))
  expect(new Set(rows.map(String)).size).toBe(4)
  for (const [index, task] of stream.tasks.entries()) {
    expect(rows[index]?.toSorted((a, b) => a - b)).toEqual(values(two))
    expect(values(task.test)).toEqual(rows[index])
    expect(task.units).toEqual([0, 1])
    expect(labelsOf(task.train)).toEqual([0, 1])
  }
  const longer = permutedStream(two, two, { tasks: 6, seed: 1 })
  expect(longer.tasks.slice(0, 4).map((task) => values(task.train))).toEqual(rows)
  const first = permutedStream(two, two, { tasks: 1, seed: 1, keepFirst: false }).tasks[0]
  expect(first && values(first.train)).not.toEqual(values(two))
})

test('permuted: padded; and with outputs for each task', () => {
  const two = images(2, 2, [1, 2, 3, 4, 5, 6, 7, 8], [0, 1])
  const stream = permutedStream(two, two, { tasks: 2, padTo: 4, scenario: 'class' })
  expect(stream.outputs).toBe(4)
  expect(stream.tasks[1]).toMatchObject({
    units: [2, 3],
    train: { inputs: { dims: [2, 1, 4, 4] }, labels: { data: Int32Array.of(2, 3) } },
  })
  expect(stream.tasks[1]?.train.synthetic).toBe(true)
})

test('rotated: given angles, or random ones by seed', () => {
  const two = images(2, 2, [1, 2, 3, 4, 5, 6, 7, 8], [0, 1])
  const stream = rotatedStream(two, two, { angles: [0, 90] })
  expect(stream.tasks.map((task) => [task.name, values(task.train)])).toEqual([
    ['0 degrees', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['90 degrees', [2, 4, 1, 3, 6, 8, 5, 7]],
  ])
  const names = (seed: number) => rotatedStream(two, two, { tasks: 3, seed }).tasks.map((task) => task.name)
  expect(names(1)).toEqual(names(1))
  expect(names(1)).not.toEqual(names(2))
  expect(() => rotatedStream(two, two, { tasks: 3, angles: [1] })).toThrow('Each of 3 tasks needs an angle')
  expect(() => permutedStream(two, two, { tasks: 0 })).toThrow('but 0 were asked for')
})

test('a list: own heads, shared classes, or shared outputs', () => {
  const first = { name: 'one', train: dataset([0, 1], ['cat', 'dog']), test: dataset([1], ['cat', 'dog']) }
  const second = { name: 'two', train: dataset([1, 0], ['ant', 'cat']), test: dataset([0], ['ant', 'cat']) }
  const own = listStream([first, second], 'task')
  expect(own.outputs).toBe(4)
  expect(own.tasks[1]).toMatchObject({
    units: [2, 3],
    train: { classes: ['one: cat', 'one: dog', 'two: ant', 'two: cat'] },
  })
  expect(labelsOf(own.tasks[1]?.train)).toEqual([3, 2])
  const shared = listStream([first, second], 'class', 'pets')
  expect(shared).toMatchObject({ name: 'pets', outputs: 3 })
  expect(shared.tasks[1]).toMatchObject({ units: [0, 2], train: { classes: ['cat', 'dog', 'ant'] } })
  expect(labelsOf(shared.tasks[1]?.train)).toEqual([0, 2])
  expect(labelsOf(shared.tasks[1]?.test)).toEqual([2])
  expect(() => listStream([first, second], 'domain')).toThrow(
    "Task 'two': the domain scenario shares outputs",
  )
  const again = listStream([first, { ...first, name: 'three' }], 'domain')
  expect(again.outputs).toBe(2)
  expect(labelsOf(again.tasks[1]?.train)).toEqual([0, 1])
})

test('a list: float targets, and what does not fit together', () => {
  const targets = (width: number, inputs = 1) =>
    createDataset({ name: 't', inputs: float32([1, inputs]), labels: float32([1, width]), classes: [] })
  const task = (name: string, data: Dataset) => ({ name, train: data, test: data })
  expect(listStream([task('a', targets(3)), task('b', targets(3))], 'domain')).toMatchObject({ outputs: 3 })
  expect(() => listStream([task('a', targets(3)), task('b', targets(2))], 'domain')).toThrow("Task 'b'")
  expect(() => listStream([task('a', targets(3)), task('b', targets(3, 2))], 'domain')).toThrow(
    'float32 [N, 2]',
  )
  expect(() => listStream([task('a', targets(3))], 'class')).toThrow('about classes')
  expect(() => listStream([], 'task')).toThrow('0 were asked for')
})

test('data of a task are made once while they are in use', () => {
  const two = images(2, 2, [1, 2, 3, 4, 5, 6, 7, 8], [0, 1])
  const [task] = permutedStream(two, two, { tasks: 20 }).tasks.slice(3)
  const train = task?.train
  expect(task?.train).toBe(train)
  expect(train && samples(train)).toBe(2)
})

test('a list of tasks with a class for each token of a large vocabulary', () => {
  const classes = Array.from({ length: 151_936 }, (_, unit) => String(unit))
  const data = dataset([0, 151_935], classes)
  expect(listStream([{ name: 'text', train: data, test: data }], 'domain').outputs).toBe(151_936)
})
