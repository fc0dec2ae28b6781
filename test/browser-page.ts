// What a page runs in test/web.test.ts: the same run on the device that the script's address names; the answer is posted back.
import * as ort from 'onnxruntime-web/webgpu'
import { ortWeb, type WebEngineOptions } from '../src/web.ts'
import { webRun } from './web-run.ts'

ort.env.wasm.wasmPaths = '/ort/'
const asked = new URL(import.meta.url).searchParams
const answer = async () => {
  try {
    const device = (asked.get('device') ?? 'cpu') as NonNullable<WebEngineOptions['device']>
    const engine = ortWeb(ort, { device, threads: Number(asked.get('threads') ?? 1) })
    const run = await webRun(engine)
    return { engine: engine.name, ...run }
  } catch (error) {
    return { error: String(error) }
  }
}
await fetch('/answer', { method: 'POST', body: JSON.stringify(await answer()) })
