// What shells are told. Each script asks `omni complete -- <words so far>`, which answers with lines `value<TAB>description`; where nothing fits
// the shell completes file names.

const BASH = `# omni completion for bash: eval "$(omni completion bash)"
_omni() {
  local line="\${COMP_LINE:0:COMP_POINT}" cur head value
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  cur="\${words[\${#words[@]}-1]}"
  # Readline breaks words at ":" and "=": what is before stays as it is.
  head="\${cur%"\${cur##*[:=]}"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    [[ -n "$value" && "$value" == "$cur"* ]] && COMPREPLY+=("\${value#"$head"}")
  done < <(omni complete -- "\${words[@]:1}" 2>/dev/null)
  [[ "\${COMPREPLY[0]-}" == *[:/=] || "\${COMPREPLY[0]-}" == "" ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o bashdefault -o default -F _omni omni
`;

const ZSH = `#compdef omni
# omni completion for zsh: eval "$(omni completion zsh)", or save it as _omni in a directory of $fpath
_omni() {
  local -a lines described
  local line
  lines=("\${(@f)$(omni complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n "$line" ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#described )); then _describe omni described; else _files; fi
}
if [[ "\${funcstack[1]}" == _omni ]]; then _omni; else compdef _omni omni; fi
`;

const FISH = `# omni completion for fish: omni completion fish | source
function __omni_complete
  set -l words (commandline -opc) (commandline -ct)
  omni complete -- $words[2..-1] 2>/dev/null
end
complete -c omni -a '(__omni_complete)'
`;

/** The completion script of each shell. */
export const SCRIPTS: Readonly<Record<"bash" | "zsh" | "fish", string>> = { bash: BASH, zsh: ZSH, fish: FISH };
