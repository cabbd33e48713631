export { AllowList, AllowListError, compileAllowList, type AllowListEntry } from './allow-list.js';
export { prepareChangedFiles, type ChangedFiles, type ChangedFilesInput } from './changed-files.js';
export { unquoteGitPath } from './git-quoting.js';
export { readNameList, readNameStatus } from './name-lists.js';
export { isAbsolutePath, normalizePath } from './normalize-path.js';
export { namesOf, pathOf, previousPathOf, type ChangedFile, type RenamedFile } from './renamed-files.js';
export { normalizeUnder, readRoot, type Root } from './root.js';
export { readAllowListFile, type AllowListFile } from './allow-list-file.js';
