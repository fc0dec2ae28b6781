/** Names that stay unique across a graph and the subgraphs inside it. */
export class NameSource {
  /** Every name in use, and the number that was last put behind it to make another. */
  private readonly used = new Map<string, number>()

  fresh(wish: string): string {
    let name = wish
    let count = this.used.get(wish)
    if (count !== undefined) {
      do name = `${wish}_${++count}`
      while (this.used.has(name))
      this.used.set(wish, count)
    }
    this.used.set(name, 0)
    return name
  }
}
