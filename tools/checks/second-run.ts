// A suite that failed beside others, on a machine that was busy, is run once more by itself, and both ends are told.

/**
 * Suites that try something else on each run: a second run that passes says nothing of what the first one found. Folders and files are named for
 * what they hold.
 */
const random = /property|properties|model|search|fuzz|faults?|kills?|stops|crash|chaos/;

/** One suite of jest's report. */
export interface SuiteResult {
  /** Absolute path. */
  readonly name: string;
  readonly status: "passed" | "failed" | "pending" | "focused" | "skipped";
  readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
}

/** The suites to run again: the failed ones, when every one of them does the same on each run; else none, since the run has failed anyway. */
export function secondRun(root: string, suites: readonly SuiteResult[]): readonly SuiteResult[] {
  const failed = suites.filter(({ status }) => status === "failed");
  return failed.some(({ name }) => random.test(name.slice(root.length))) ? [] : failed;
}

/** What is told of tests that failed beside others and passed alone, one line each. */
export function flakyLines(root: string, failed: readonly SuiteResult[]): readonly string[] {
  return failed.flatMap(({ name, assertionResults }) => {
    const tests = assertionResults.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
    const titles = tests.length > 0 ? tests : ["(the suite itself)"];
    return titles.map((title) => `flaky: ${name.slice(root.length + 1)}: ${title}: failed beside other suites, passed alone`);
  });
}
