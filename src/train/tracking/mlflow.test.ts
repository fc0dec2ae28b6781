import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { mlflow } from './mlflow.ts'

interface Received {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string>
  readonly body: Record<string, unknown>
  readonly authorization: string | undefined
}

type Reply = { status: number; body: unknown } | undefined

/** A server that answers the documented calls; `before` may answer in its place. */
async function openServer(before: (call: Received) => Reply = () => undefined) {
  const calls: Received[] = []
  const experiments = new Map<string, string>()
  const answer = (call: Received): { status: number; body: unknown } => {
    const name = call.query.experiment_name ?? String(call.body.name)
    switch (`${call.method} ${call.path}`) {
      case 'GET /api/2.0/mlflow/experiments/get-by-name': {
        const id = experiments.get(name)
        if (id) return { status: 200, body: { experiment: { experiment_id: id, name } } }
        return { status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: `no ${name}` } }
      }
      case 'POST /api/2.0/mlflow/experiments/create':
        experiments.set(name, '7')
        return { status: 200, body: { experiment_id: '7' } }
      case 'POST /api/2.0/mlflow/runs/create':
        return { status: 200, body: { run: { info: { run_id: 'abc', experiment_id: '7' } } } }
      case 'POST /api/2.0/mlflow/runs/log-batch':
      case 'POST /api/2.0/mlflow/runs/update':
        return { status: 200, body: {} }
      default:
        return { status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND', message: 'no such call' } }
    }
  }
  const server = createServer(async (request, response) => {
    const call = await read(request)
    calls.push(call)
    const { status, body } = before(call) ?? answer(call)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  servers.push(server)
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}

async function read(request: IncomingMessage): Promise<Received> {
  let text = ''
  for await (const chunk of request) text += chunk
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
  return {
    method: request.method ?? '',
    path: pathname,
    query: Object.fromEntries(searchParams),
    body: text === '' ? {} : JSON.parse(text),
    authorization: request.headers.authorization,
  }
}

const servers: Server[] = []
async function closeServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
}
afterEach(closeServers)

const pathsOf = (calls: readonly Received[]): string[] =>
  calls.map(({ method, path }) => `${method} ${path.replace('/api/2.0/mlflow/', '')}`)

const quick = { runName: 'ewc', retryMilliseconds: 1 }

it('makes the experiment and the run, logs settings and numbers, and ends the run', async () => {
  const { url, calls } = await openServer()
  const warnings: string[] = []
  const tracker = mlflow({
    ...quick,
    url: `${url}/`,
    experiment: 'forgetting',
    settings: { 'optimiser.lr': '0.01', 'model:kind': 'x'.repeat(600) },
    tags: { 'holdfast.verb': 'learn' },
    authorization: 'Bearer token',
    warn: (line) => warnings.push(line),
  })
  tracker.log({ step: 25, numbers: { 'loss/task': 0.5, 'accuracy/0|1': 1 } })
  expect(await tracker.close('finished')).toBeUndefined()
  expect(warnings).toEqual([])
  expect(pathsOf(calls)).toEqual([
    'GET experiments/get-by-name',
    'POST experiments/create',
    'POST runs/create',
    'POST runs/log-batch',
    'POST runs/log-batch',
    'POST runs/update',
  ])
  const [find, create, run, settings, metrics, update] = calls
  expect(calls.every(({ authorization }) => authorization === 'Bearer token')).toBe(true)
  expect(find?.query).toEqual({ experiment_name: 'forgetting' })
  expect(create?.body).toEqual({ name: 'forgetting' })
  expect(run?.body).toEqual({
    experiment_id: '7',
    run_name: 'ewc',
    start_time: expect.any(Number),
    tags: [
      { key: 'mlflow.source.name', value: 'holdfast' },
      { key: 'holdfast.verb', value: 'learn' },
    ],
  })
  expect(settings?.body).toEqual({
    run_id: 'abc',
    params: [
      { key: 'optimiser.lr', value: '0.01' },
      { key: 'model_kind', value: 'x'.repeat(500) },
    ],
  })
  const timestamp = expect.any(Number)
  expect(metrics?.body).toEqual({
    run_id: 'abc',
    metrics: [
      { key: 'loss/task', value: 0.5, timestamp, step: 25 },
      { key: 'accuracy/0_1', value: 1, timestamp, step: 25 },
    ],
  })
  expect(update?.body).toEqual({ run_id: 'abc', status: 'FINISHED', end_time: expect.any(Number) })
})

it('sends at most a thousand numbers a call, each once and in order', async () => {
  const { url, calls } = await openServer()
  const tracker = mlflow({ ...quick, url, warn: () => undefined })
  for (let step = 0; step < 2500; step++) tracker.log({ step, numbers: { loss: step } })
  expect(await tracker.close('finished')).toBeUndefined()
  const batches = calls.flatMap(({ body }) => (Array.isArray(body.metrics) ? [body.metrics] : []))
  expect(Math.max(...batches.map(({ length }) => length))).toBe(1000)
  expect(batches.flat().map(({ step }) => step)).toEqual(Array.from({ length: 2500 }, (_, step) => step))
})

it('tries again after an error of the server, without making a second run', async () => {
  let failures = 2
  const { url, calls } = await openServer(({ path }) =>
    path.endsWith('log-batch') && failures-- > 0 ? { status: 503, body: 'busy' } : undefined,
  )
  const warnings: string[] = []
  const tracker = mlflow({ ...quick, url, settings: { a: '1' }, warn: (line) => warnings.push(line) })
  tracker.log({ step: 1, numbers: { loss: 1 } })
  expect(await tracker.close('interrupted')).toBeUndefined()
  expect(warnings).toEqual([])
  expect(pathsOf(calls).filter((path) => path === 'POST runs/create')).toHaveLength(1)
  expect(calls.at(-1)?.body.status).toBe('KILLED')
})

it('sends later what a server that was away could not take', async () => {
  let away = true
  const { url, calls } = await openServer(() => (away ? { status: 500, body: {} } : undefined))
  const warnings: string[] = []
  const tracker = mlflow({ ...quick, url, retries: 0, warn: (line) => warnings.push(line) })
  tracker.log({ step: 1, numbers: { loss: 1 } })
  await expect.poll(() => warnings.length).toBe(1)
  away = false
  tracker.log({ step: 2, numbers: { loss: 2 } })
  expect(await tracker.close('finished')).toBeUndefined()
  const sent = calls.flatMap(({ body }) => (Array.isArray(body.metrics) ? body.metrics : []))
  expect(sent.map(({ step }) => step)).toEqual([1, 2])
})

it('warns once of a server that cannot be reached, and says at the end what is missing', async () => {
  const { url } = await openServer()
  await closeServers()
  const warnings: string[] = []
  const tracker = mlflow({
    ...quick,
    url,
    retries: 1,
    warn: (line) => warnings.push(line),
  })
  for (let step = 0; step < 3; step++) tracker.log({ step, numbers: { loss: step } })
  expect(await tracker.close('finished')).toMatch(/nothing was logged.*cannot be reached.*ECONNREFUSED/)
  expect(warnings).toHaveLength(1)
})

it('counts what the server refuses', async () => {
  const { url } = await openServer(({ body }) =>
    Array.isArray(body.metrics)
      ? { status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE', message: 'bad metric' } }
      : undefined,
  )
  const warnings: string[] = []
  const tracker = mlflow({ ...quick, url, warn: (line) => warnings.push(line) })
  tracker.log({ step: 1, numbers: { loss: 1, accuracy: 0 } })
  expect(await tracker.close('finished')).toMatch(/of run abc 2 numbers did not arrive.*bad metric/)
  expect(warnings).toHaveLength(1)
})

it('gives up a server that does not answer in time', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
  servers.push(silent)
  const tracker = mlflow({
    ...quick,
    url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    retries: 0,
    timeoutMilliseconds: 50,
    warn: () => undefined,
  })
  tracker.log({ step: 1, numbers: { loss: 1 } })
  expect(await tracker.close('failed')).toMatch(/no answer in time/)
})
