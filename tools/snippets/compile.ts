// Type-checks programs with the repository's own compiler settings.
import { join } from "node:path";

import ts from "typescript";

/** @returns messages by program path; a program without a message compiles */
export function compile(root: string, paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const configPath = join(root, "tsconfig.json");
  const config = ts.getParsedCommandLineOfConfigFile(
    configPath,
    { noEmit: true, incremental: false },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail },
  );
  if (!config) throw new Error(`${configPath} cannot be read`);
  const { tsBuildInfoFile: _, ...options } = config.options;
  const program = ts.createProgram([...paths], { ...options, incremental: false });
  const messages = new Map<string, string[]>(paths.map((path) => [path, []]));
  const diagnostics = paths.flatMap((path) => {
    const source = program.getSourceFile(path);
    return source ? [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)] : [];
  });
  for (const diagnostic of diagnostics) {
    const path = diagnostic.file?.fileName ?? "";
    const line = diagnostic.file ? diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line + 1 : 0;
    messages.get(path)?.push(`line ${line}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")}`);
  }
  return messages;
}

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
}
