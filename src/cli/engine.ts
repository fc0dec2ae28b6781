import type { Engine } from '../engine/engine.ts'
import { ortNode } from '../engine/ort-node.ts'
import { openWorkers, type Workers } from '../study/workers/index-files.ts'
import type { CommonSettings } from './verb.ts'

type EngineSettings = Pick<CommonSettings, 'threads' | 'device'>

/** One thread unless asked otherwise, so that results do not depend on the machine's size. */
export const engineFor = ({ threads, device }: EngineSettings): Engine =>
  ortNode({ threads: threads ?? 1, device: device ?? 'cpu' })

/** Threads for runs side by side: each loads the program again and serves (see main.ts). */
export const workersFor = ({ threads, device }: EngineSettings): Workers =>
  openWorkers(mainModule(), { threads: threads ?? 1, device: device ?? 'cpu' })

/** The program's own file: beside this one when compiled, this one when bundled. */
function mainModule(): string {
  const here = import.meta.url
  return here.endsWith('/engine.js') ? new URL('./main.js', here).href : here
}
