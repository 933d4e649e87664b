import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Budget } from "../../config/project-schema.js";
import { EdgeimgError, type Place } from "../../errors/edgeimg-error.js";
import { budgetExcess, type Growth, largestGrowths } from "../../report/budget.js";
import { readImageFacts } from "./diff.js";

export interface BudgetJob {
  readonly budget: Budget;
  /** Folder with the new manifest.json. */
  readonly report: string;
  /** The new IMAGE.zst, when there is one. */
  readonly compressed?: string | undefined;
  /** Folder of the last result; what it lacks is not compared. */
  readonly before: string;
  /** Where in edgeimg.yaml the budget stands. */
  readonly place: Place;
}

const shown = 8;

/** @throws EdgeimgError ERR_EDGEIMG_BUDGET_EXCEEDED, naming what grew most */
export async function checkBudget({ budget, report, compressed, before, place }: BudgetJob): Promise<void> {
  if (Object.values(budget).every((limit) => limit === undefined)) return;
  const { manifest } = await readImageFacts(report);
  const image = { manifest, compressed: compressed === undefined ? undefined : (await stat(compressed)).size };
  const excess = budgetExcess(image, budget);
  if (excess.length === 0) return;
  const last = await readImageFacts(join(before, "manifest.json")).catch(() => undefined);
  const listed = (growths: readonly Growth[], sign: string) =>
    growths.map(({ what, bytes }) => `  ${sign}${bytes} bytes  ${what}`);
  // What grew by less is not what the excess is made of.
  const worthTelling = Math.max(...excess.map(({ bytes, limit }) => bytes - limit)) / 100;
  const grown = last === undefined ? [] : largestGrowths(image, last, shown).filter((one) => one.bytes >= worthTelling);
  throw new EdgeimgError(
    "ERR_EDGEIMG_BUDGET_EXCEEDED",
    `${manifest.image.file} is larger than its budget: ${excess.map(({ part }) => part).join(", ")}.`,
    {
      place,
      details: [
        ...excess.map(
          ({ part, bytes, limit }) => `${part}: ${bytes} bytes, ${bytes - limit} more than the budget of ${limit}`,
        ),
        ...(grown.length > 0 ? ["largest growths since the last result:", ...listed(grown, "+")] : []),
        ...(last !== undefined && grown.length === 0 ? ["nothing grew noticeably since the last result"] : []),
        "largest packages:",
        ...listed(largestGrowths(image, undefined, shown), ""),
      ],
      hint: "Put less into the image, or raise `budget` in edgeimg.yaml. The result folder keeps the last image within the budget.",
    },
  );
}
