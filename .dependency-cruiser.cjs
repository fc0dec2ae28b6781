// The floors of docs/architecture.md: a folder imports only from itself and from floors below it.
const floors = [
  ['tensor', 'measure', 'errors'],
  ['onnx', 'data'],
  ['ops', 'tasks'],
  ['autodiff'],
  ['engine', 'model'],
  ['methods'],
  ['train'],
  ['update'],
  ['report'],
  ['cli'],
]
const folder = (name) => `^src/${name}(/|[.])`
// Errors stand under everything: every floor may throw them.
const rules = floors.flatMap((rooms, level) =>
  rooms.map((room) => {
    const above = floors.slice(level + 1).flat()
    const beside = room === 'errors' ? [] : rooms.filter((other) => other !== room && other !== 'errors')
    const forbidden = [...above, ...beside]
    return {
      name: `floor-${room}`,
      severity: 'error',
      comment: `${room} may not import from ${forbidden.join(', ')}`,
      from: { path: folder(room) },
      to: { path: forbidden.length ? `^src/(${forbidden.join('|')})(/|[.])` : '^$' },
    }
  }),
)
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...rules,
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '[.]test[.]ts$' },
  },
}
