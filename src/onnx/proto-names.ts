/** A message's name; ONNX takes one that is left out for the empty text. */
export const nameOf = ({ name = '' }: { readonly name?: string | undefined }): string => name
