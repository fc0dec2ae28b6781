/** Makes one call of MLflow's REST API 2.0. The parameters of GET go into the address. */
export type Call = (
  method: 'GET' | 'POST',
  path: string,
  parameters: Readonly<Record<string, unknown>>,
) => Promise<Record<string, unknown>>

/** What a call failed with. */
export class MlflowError extends Error {
  /** Whether the server understood and said no; otherwise another try may help. */
  readonly refused: boolean
  /** MLflow's own `error_code`, where it gave one. */
  readonly mlflowCode: string | undefined
  constructor(message: string, refused: boolean, mlflowCode?: string) {
    super(message)
    this.refused = refused
    this.mlflowCode = mlflowCode
  }
}

interface CallOptions {
  readonly url: string
  readonly authorization?: string | undefined
  readonly retries?: number | undefined
  readonly retryMilliseconds?: number | undefined
  readonly timeoutMilliseconds?: number | undefined
}

/** Calls that are tried again after an error of the server (5xx, 429), a lost connection or silence. */
export function callMlflow(options: CallOptions): Call {
  const { retries = 3, retryMilliseconds = 500 } = options
  return async (method, path, parameters) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await callOnce(options, method, path, parameters)
      } catch (found) {
        if (attempt >= retries || !(found instanceof MlflowError) || found.refused) throw found
        await new Promise((done) => setTimeout(done, retryMilliseconds * 2 ** attempt))
      }
    }
  }
}

async function callOnce(
  { url, authorization, timeoutMilliseconds = 10_000 }: CallOptions,
  method: 'GET' | 'POST',
  path: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const query =
    method === 'GET'
      ? `?${new URLSearchParams(Object.entries(parameters).map(([key, value]) => [key, `${value}`]))}`
      : ''
  const address = `${url.replace(/\/+$/, '')}/api/2.0/mlflow/${path}`
  const answer = await reach(address, `${address}${query}`, {
    method,
    headers: {
      ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(method === 'POST' ? { body: JSON.stringify(parameters) } : {}),
    signal: AbortSignal.timeout(timeoutMilliseconds),
  })
  const parsed = parse(answer.text)
  if (answer.status >= 200 && answer.status < 300 && parsed) return parsed
  const { error_code: code, message } = parsed ?? {}
  const said = typeof message === 'string' ? message : answer.text.slice(0, 200)
  throw new MlflowError(
    `${address} answered ${answer.status}: ${said || 'nothing'}.`,
    answer.status < 500 && answer.status !== 429,
    typeof code === 'string' ? code : undefined,
  )
}

async function reach(
  address: string,
  target: string,
  request: RequestInit,
): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(target, request)
    return { status: response.status, text: await response.text() }
  } catch (problem) {
    const { name, message, cause } = problem as Error
    const reason =
      name === 'TimeoutError' ? 'no answer in time' : cause instanceof Error ? cause.message : message
    throw new MlflowError(`${address} cannot be reached (${reason || name}).`, false)
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = text === '' ? {} : JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
