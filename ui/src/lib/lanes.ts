export type Step = {
  id: string;
  /** Where its point is, from the left. */
  lane: number;
  /** Lines from the row above, by where they are there and here. */
  above: [from: number, to: number][];
  /** Lines to the row below, by where they are here and there. */
  below: [from: number, to: number][];
};

/** A history as lanes: each row, newest first, stands in a lane, and lines lead down to what it replaced. */
export function lanes(rows: { id: string; parents: string[] }[]): Step[] {
  const known = new Set(rows.map((row) => row.id));
  let open: string[] = [];
  return rows.map((row) => {
    const came = open;
    const here = came.includes(row.id) ? came : [...came, row.id];
    const lane = here.indexOf(row.id);
    const parents = row.parents.filter((parent) => known.has(parent));
    const next = [...new Set(here.flatMap((id) => (id === row.id ? parents : [id])))];
    open = next;
    const below = here.flatMap((id, from) =>
      (id === row.id ? parents : [id]).map((to): [number, number] => [from, next.indexOf(to)]),
    );
    return { id: row.id, lane, above: came.map((_, at): [number, number] => [at, at]), below };
  });
}
