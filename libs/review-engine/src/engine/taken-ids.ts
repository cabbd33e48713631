/**
 * The ids of a result's findings that have passed VAL-4's checks. Reviewers mostly number their findings, and ids that
 * rise (the shorter first, then by code unit) cannot repeat: until one does not rise there is nothing to look up. A Set
 * from the start cost 3 of the 14 µs that the engine adds to the parse of 25 findings.
 */
export class TakenIds {
  private readonly rising: string[] = [];
  private highest = '';
  private all: Set<string> | null = null;

  /** Takes the id; false when it is taken already. Ids are never empty. */
  take(id: string): boolean {
    if (this.all === null) {
      if (this.rises(id)) {
        this.highest = id;
        this.rising.push(id);
        return true;
      }
      this.all = new Set(this.rising);
    }
    const known = this.all.size;
    return this.all.add(id).size > known;
  }

  private rises(id: string): boolean {
    const { highest } = this;
    return id.length > highest.length || (id.length === highest.length && id > highest);
  }
}
