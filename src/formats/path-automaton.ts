/** What a move takes instead of one UTF-16 unit. */
export const anything = -1;
export const notSlash = -2;

/** An automaton whose states may have several next ones (Thompson 1968, "Regular expression search algorithm"). */
export interface Automaton {
  readonly starts: number[];
  readonly accepting: Set<number>;
  readonly addState: () => number;
  /** From a state to another by one UTF-16 unit, or by what `anything` and `notSlash` say. */
  readonly addMove: (from: number, by: number, to: number) => void;
  /** From a state to another by nothing. */
  readonly addFree: (from: number, to: number) => void;
  readonly moves: readonly Move[][];
  readonly free: readonly number[][];
}

interface Move {
  readonly by: number;
  readonly to: number;
}

export function newAutomaton(): Automaton {
  const moves: Move[][] = [];
  const free: number[][] = [];
  return {
    starts: [],
    accepting: new Set(),
    moves,
    free,
    addState: () => {
      free.push([]);
      return moves.push([]) - 1;
    },
    addMove: (from, by, to) => void moves[from]?.push({ by, to }),
    addFree: (from, to) => void free[from]?.push(to),
  };
}

/** A set of the automaton's states, and where each unit leads from it, as far as a path has asked. */
interface StateSet {
  readonly states: readonly number[];
  readonly accepts: boolean;
  /** By the unit's number in `unitNumbers`. */
  readonly next: (StateSet | undefined)[];
}

/** Sets and their known moves that are kept; above it all are forgotten, so that memory is bounded. */
const keptMoves = 1 << 18;

/**
 * Whether an automaton accepts a text. Sets of states are made as texts come across them (the lazy form of the subset construction), so that a
 * unit of a text mostly costs one look into a table, and at worst as much as the automaton is large. A text ends where nothing can follow.
 */
export function stepMatcher(automaton: Automaton): (text: string) => boolean {
  const numberOf = unitNumbers(automaton);
  const known = new Map<string, StateSet>();
  const marks = new Int32Array(automaton.moves.length);
  let round = 0;
  let kept = 0;

  const setOf = (from: readonly number[]): StateSet => {
    round++;
    const states: number[] = [];
    const add = (state: number) => {
      if (marks[state] === round) return;
      marks[state] = round;
      states.push(state);
    };
    from.forEach(add);
    // Grows while it is gone through.
    for (const state of states) automaton.free[state]?.forEach(add);
    states.sort((a, b) => a - b);
    const key = states.join();
    const old = known.get(key);
    if (old !== undefined) return old;
    const made = { states, accepts: states.some((state) => automaton.accepting.has(state)), next: [] };
    known.set(key, made);
    kept += states.length;
    return made;
  };
  const step = (set: StateSet, unit: number): StateSet => {
    if (kept > keptMoves) {
      known.clear();
      kept = 0;
      start = setOf(automaton.starts);
    }
    kept++;
    return setOf(reached(automaton, set.states, unit));
  };

  let start = setOf(automaton.starts);
  return (text) => {
    let set = start;
    for (let index = 0; index < text.length; index++) {
      if (set.states.length === 0) return false;
      const unit = text.charCodeAt(index);
      const number = numberOf(unit);
      let next = set.next[number];
      if (next === undefined) {
        next = step(set, unit);
        set.next[number] = next;
      }
      set = next;
    }
    return set.accepts;
  };
}

/** The states that a unit leads to from some of them. */
function reached({ moves }: Automaton, states: readonly number[], unit: number): number[] {
  const isSlash = unit === 47;
  return states.flatMap((state) =>
    (moves[state] ?? [])
      .filter(({ by }) => by === unit || by === anything || (by === notSlash && !isSlash))
      .map(({ to }) => to),
  );
}

/** Units by whether the automaton treats them alike: 0 for all that it does not name, 1 for "/", and one each. */
function unitNumbers({ moves }: Automaton): (unit: number) => number {
  const ascii = new Uint16Array(128);
  const others = new Map<number, number>();
  let count = 1;
  const name = (unit: number) => {
    if (unit < 128) ascii[unit] ||= count++;
    else if (!others.has(unit)) others.set(unit, count++);
  };
  name(47);
  for (const { by } of moves.flat()) if (by >= 0) name(by);
  return (unit) => (unit < 128 ? (ascii[unit] ?? 0) : (others.get(unit) ?? 0));
}
