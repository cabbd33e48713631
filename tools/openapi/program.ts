import { join } from 'node:path';
import ts from 'typescript';
import { REPOSITORY } from '../repository.js';

/** The sources with their types, as the compiler sees them: what decorators cannot tell is read from here. */
export function readProgram(): ts.Program {
  const path = join(REPOSITORY, 'tsconfig.json');
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, (name) => ts.sys.readFile(name)).config,
    ts.sys,
    REPOSITORY,
  );
  const product = fileNames.filter((name) => /\/(apps|libs)\//.test(name) && !/\.(spec|fixture)\.ts$/.test(name));
  return ts.createProgram(product, { ...options, noEmit: true });
}

/** Whether a declaration is part of the product, and no package's or the language's. */
export function isOurs(node: ts.Node): boolean {
  const { fileName, isDeclarationFile } = node.getSourceFile();
  return !isDeclarationFile && !fileName.includes('/node_modules/');
}

export function classNamed(program: ts.Program, name: string, file?: string): ts.ClassDeclaration {
  const sources = program.getSourceFiles().filter(({ fileName }) => !file || fileName === join(REPOSITORY, file));
  const found = sources.flatMap(({ statements }) =>
    statements.filter(ts.isClassDeclaration).filter((one) => one.name?.text === name && isOurs(one)),
  );
  if (found.length !== 1) throw new Error(`${found.length} classes are called ${name}`);
  return found[0]!;
}

export function methodNamed(of: ts.ClassDeclaration, name: string): ts.MethodDeclaration {
  const found = of.members.filter(ts.isMethodDeclaration).find((member) => member.name.getText() === name);
  if (!found) throw new Error(`${of.name?.text} has no method ${name}`);
  return found;
}

/** The top-level function of that name. */
export function functionNamed(program: ts.Program, name: string, file: string): ts.FunctionDeclaration {
  const source = program.getSourceFile(join(REPOSITORY, file));
  const found = source?.statements.filter(ts.isFunctionDeclaration).find((one) => one.name?.text === name);
  if (!found) throw new Error(`${file} has no function ${name}`);
  return found;
}

/** Its doc comment as plain text; null where there is none. */
export function docOf(symbol: ts.Symbol | undefined, checker: ts.TypeChecker): string | null {
  const parts = symbol?.getDocumentationComment(checker) ?? [];
  const text = ts.displayPartsToString(parts).replace(/\s+/g, ' ').trim();
  return text === '' ? null : text.replace(/\{@link ([^}]+)\}/g, '$1');
}
