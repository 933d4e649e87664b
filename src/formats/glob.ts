import { type Automaton, anything, newAutomaton, notSlash, stepMatcher } from "./path-automaton.js";

/**
 * A matcher for paths: `*` stands for anything but "/", `**` for anything, `{a,b}` for either.
 * Everything else is literal, a brace without its partner too. Takes time in proportion to patterns and path, whatever they are.
 */
export function globMatcher(patterns: readonly string[]): (path: string) => boolean {
  const automaton = newAutomaton();
  for (const pattern of patterns) addPattern(automaton, pattern);
  return stepMatcher(automaton);
}

function addPattern(automaton: Automaton, pattern: string): void {
  const closed = closedBraces(pattern);
  const groups: { readonly start: number; readonly end: number }[] = [];
  let state = automaton.addState();
  automaton.starts.push(state);
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern.charAt(index);
    const group = groups.at(-1);
    if (char === "*") {
      const isDouble = pattern.charAt(index + 1) === "*";
      if (isDouble) index++;
      const next = automaton.addState();
      automaton.addFree(state, next);
      automaton.addMove(next, isDouble ? anything : notSlash, next);
      state = next;
    } else if (char === "{" && closed.has(index)) groups.push({ start: state, end: automaton.addState() });
    else if (char === "," && group !== undefined) {
      automaton.addFree(state, group.end);
      state = group.start;
    } else if (char === "}" && group !== undefined) {
      automaton.addFree(state, group.end);
      state = group.end;
      groups.pop();
    } else {
      const next = automaton.addState();
      automaton.addMove(state, char.charCodeAt(0), next);
      state = next;
    }
  }
  automaton.accepting.add(state);
}

/** Places of opening braces that have a partner. */
function closedBraces(pattern: string): Set<number> {
  const open: number[] = [];
  const closed = new Set<number>();
  for (let index = 0; index < pattern.length; index++) {
    if (pattern.charAt(index) === "{") open.push(index);
    else if (pattern.charAt(index) === "}" && open.length > 0) closed.add(open.pop() ?? 0);
  }
  return closed;
}
