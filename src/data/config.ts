import type { z } from 'zod'
import { DataError } from '../errors.ts'
import { problemsOf } from './schema-problems.ts'

/** A JSON text by a schema, with the file and the field in the error. */
export function parseConfig<T>(text: string, schema: z.ZodType<T>, place: string, code: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new DataError(
      code,
      `${place}: this is not JSON: ${error instanceof Error ? error.message : error}.`,
      {
        cause: error,
      },
    )
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new DataError(code, `${place}: ${problemsOf(schema, value, result.error.issues).join(' ')}`)
}
