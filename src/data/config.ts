import type { z } from 'zod'
import { DataError } from '../errors.ts'

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
  const issues = result.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'the whole'}: ${message}`,
  )
  throw new DataError(code, `${place}: ${issues.join('; ')}.`)
}
