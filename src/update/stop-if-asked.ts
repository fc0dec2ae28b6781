import { TrainingError } from '../errors.ts'

/**
 * @param cause What failed then, where something did.
 * @throws TrainingError `interrupted` once the signal was given.
 */
export function stopIfAsked(
  { signal }: { readonly signal?: AbortSignal | undefined },
  doing: string,
  cause?: unknown,
): void {
  if (!signal?.aborted) return
  throw new TrainingError(
    'interrupted',
    `Stopped while ${doing}, as asked. Nothing was written; the same command begins anew.`,
    { cause },
  )
}
