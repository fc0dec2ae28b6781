// Where the time of training steps goes, by ONNX Runtime's own profile; one thread (or --threads): a table of all steps of bench/steps.ts and bench/models.ts,
// and with --nodes the costliest kinds of nodes of each.
//   node scripts/run.mjs bench/profile-steps.ts [--only mlp-400,vit] [--calls 12] [--nodes 15] [--threads 2] [--models FOLDER] [--python /usr/bin/python3] [--json]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-node'
import { toOrt } from '../src/engine/ort-session-node.ts'
import { copyTensor } from '../src/engine/program.ts'
import { asDeclared } from '../src/engine/run-into-node.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { architectures } from './architectures.ts'
import { type PreparedStep, stepNames } from './bench-steps.ts'
import { named } from './named-steps.ts'
import { rolesOf } from './node-roles.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: [...stepNames, ...architectures].join(',') },
    calls: { type: 'string', default: '12' },
    nodes: { type: 'string', default: '0' },
    threads: { type: 'string', default: '1' },
    models: { type: 'string' },
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
  },
})

const threads = Number(values.threads)

/** Columns of the table: what stands above, and the roles whose time is summed. */
const columns: readonly (readonly [string, RegExp])[] = [
  ['products forward', /^forward products/],
  ['products backward', /^backward products/],
  ['element-wise forward', /^forward element-wise/],
  ['element-wise backward', /^backward element-wise/],
  ['reductions', /^(for|back)ward reductions/],
  ['layout', /^(for|back)ward layout/],
  ['optimiser', /^optimiser/],
  ['around the steps', /^outside|^unknown/],
]
const heading = `| step | ms | nodes | ${columns.map(([title]) => `${title}, %`).join(' | ')} |`
const rule = `|---|${'---:|'.repeat(columns.length + 2)}`
const rows: string[] = []

const scratch = mkdtempSync(join(tmpdir(), 'holdfast-profile-'))
try {
  for (const name of values.only.split(',')) {
    const profiled = await profile(await named(name, values.models ?? scratch, values.python))
    if (values.json) console.log(JSON.stringify({ name, ...profiled }))
    else if (Number(values.nodes) > 0) tell(name, profiled)
    rows.push(rowOf(name, profiled))
  }
  if (!values.json) console.log(`\n${[heading, rule, ...rows].join('\n')}`)
} finally {
  rmSync(scratch, { recursive: true })
}

interface Timed {
  readonly op: string
  readonly role: string
  readonly dims: string
  /** Milliseconds a step: the least over all calls of what it took in one call. */
  ms: number
}

type Event = { cat: string; name: string; dur: number; args?: Record<string, unknown> }

async function profile(step: PreparedStep): Promise<{ nodes: Timed[]; roles: Record<string, number> }> {
  const optimised = join(scratch, 'optimised.onnx')
  const session = await ort.InferenceSession.create(step.model.bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...{
      enableProfiling: true,
      profileFilePrefix: join(scratch, 'profile'),
      optimizedModelFilePath: optimised,
    },
    extra: { session: { set_denormal_as_zero: '1' } },
  })
  const feeds = [...step.model.held, ...step.feeds, ...step.initial]
  const inputs = Object.fromEntries(feeds.map(([key, tensor]) => [key, toOrt(tensor)]))
  const into = new Map(
    step.slots.map(({ input, output }) => {
      const tensor = step.initial.get(input)
      if (!tensor) throw new Error(`The step has no state "${input}".`)
      return [output, copyTensor(tensor)] as const
    }),
  )
  const fetches = Object.fromEntries(
    session.outputMetadata.map((described) => {
      const target = into.get(described.name)
      return [described.name, target ? toOrt(asDeclared(target, described)) : null]
    }),
  )
  for (let call = 0; call < Number(values.calls); call++) await session.run(inputs, fetches)
  session.endProfiling()
  const file = readdirSync(scratch).find((name) => name.startsWith('profile'))
  if (!file) throw new Error('The runtime wrote no profile.')
  const events = JSON.parse(readFileSync(join(scratch, file), 'utf8')) as Event[]
  rmSync(join(scratch, file))
  await session.release()
  const roles = rolesOf(graphFromModel(decodeModel(readFileSync(optimised))).graph)
  const nodes = timed(events, roles, step.stepsPerCall)
  const sums: Record<string, number> = {}
  for (const { role, ms } of nodes) sums[role] = (sums[role] ?? 0) + ms
  return { nodes, roles: sums }
}

function timed(events: readonly Event[], roles: ReadonlyMap<string, string>, steps: number): Timed[] {
  const byName = new Map<string, Event[]>()
  for (const event of events) {
    if (event.cat !== 'Node' || !event.name.endsWith('_kernel_time')) continue
    const name = event.name.slice(0, -'_kernel_time'.length)
    byName.set(name, [...(byName.get(name) ?? []), event])
  }
  const calls = Number(values.calls)
  return [...byName].map(([name, all]) => {
    const each = all.length / calls
    const sums = Array.from({ length: calls }, (_, call) =>
      all.slice(call * each, (call + 1) * each).reduce((sum, { dur }) => sum + dur, 0),
    )
    const [first] = all
    return {
      op: String(first?.args?.op_name),
      role: roles.get(name) ?? 'unknown',
      dims: shapes(first?.args?.input_type_shape),
      ms: Math.min(...sums) / 1000 / steps,
    }
  })
}

function shapes(given: unknown): string {
  const inputs = (given ?? []) as readonly Record<string, readonly number[]>[]
  return inputs.map((input) => `[${Object.values(input)[0]}]`).join(' ')
}

/** A body's nodes count, the loop around them does not: its time is theirs. */
function inSteps(nodes: readonly Timed[]): Timed[] {
  return nodes.filter(({ role }) => !role.endsWith('loop'))
}

function rowOf(name: string, { nodes }: { readonly nodes: readonly Timed[] }): string {
  const own = inSteps(nodes)
  const sum = (some: readonly Timed[]) => some.reduce((total, { ms }) => total + ms, 0)
  const all = sum(own)
  const shares = columns.map(([, roles]) =>
    ((100 * sum(own.filter(({ role }) => roles.test(role)))) / all).toFixed(1),
  )
  return `| \`${name}\` | ${all.toPrecision(Math.max(3, Math.ceil(Math.log10(all))))} | ${own.length} | ${shares.join(' | ')} |`
}

function tell(name: string, { nodes, roles }: { nodes: Timed[]; roles: Record<string, number> }): void {
  const own = inSteps(nodes)
  const all = own.reduce((sum, { ms }) => sum + ms, 0)
  const share = (ms: number): string => `${ms.toFixed(3)} ms (${((100 * ms) / all).toFixed(1)} %)`
  console.log(`\n${name}: ${share(all)}, ${own.length} nodes`)
  for (const [role, ms] of Object.entries(roles).sort(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${role.padEnd(24)} ${share(ms)}`)
  const alike = new Map<string, { ms: number; count: number }>()
  for (const { op, role, dims, ms } of own) {
    const key = `${role.padEnd(24)} ${op} ${dims}`
    const sum = alike.get(key) ?? { ms: 0, count: 0 }
    alike.set(key, { ms: sum.ms + ms, count: sum.count + 1 })
  }
  const top = [...alike].sort(([, a], [, b]) => b.ms - a.ms).slice(0, Number(values.nodes))
  for (const [key, { ms, count }] of top) console.log(`    ${share(ms).padEnd(20)} ${count} x ${key}`)
}
