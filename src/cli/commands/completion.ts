import type { CommandSpec } from "../command.js";

const scripts: Readonly<Record<string, string>> = {
  bash: `# edgeimg completion for bash: eval "$(edgeimg completion bash)"
_edgeimg() {
  local IFS=$'\\n'
  COMPREPLY=($(edgeimg complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == ":files" ]] && COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == ":directories" ]] && COMPREPLY=($(compgen -d -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _edgeimg edgeimg
`,
  zsh: `#compdef edgeimg
# edgeimg completion for zsh: eval "$(edgeimg completion zsh)"
_edgeimg() {
  local -a found
  found=("\${(@f)$(edgeimg complete -- "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  case "\${found[1]}" in
    :files) _files ;;
    :directories) _files -/ ;;
    *) compadd -- "\${found[@]}" ;;
  esac
}
compdef _edgeimg edgeimg
`,
  fish: `# edgeimg completion for fish: edgeimg completion fish | source
function __edgeimg_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (edgeimg complete -- $words[2..-1] 2>/dev/null)
    switch "$found[1]"
        case :files
            __fish_complete_path (commandline -ct)
        case :directories
            __fish_complete_directories (commandline -ct)
        case '*'
            string join \\n -- $found
    end
end
complete -c edgeimg -f -a '(__edgeimg_complete)'
`,
};

export const completion: CommandSpec = {
  name: "completion",
  summary: "print a completion script for a shell",
  description: "Prints a script that completes commands, flags, and the names of boards, engines and error codes.",
  arguments: [{ name: "shell", required: true, help: "which shell", choices: Object.keys(scripts) }],
  flags: [],
  examples: [
    [`eval "$(edgeimg completion bash)"`, "in ~/.bashrc"],
    [`eval "$(edgeimg completion zsh)"`, "in ~/.zshrc, after compinit"],
    ["edgeimg completion fish | source", "in ~/.config/fish/config.fish"],
  ],
  run: async ({ arguments: [shell = ""], output }) => {
    const script = scripts[shell] ?? "";
    await output.result({ command: "completion", shell, script }, script);
    return 0;
  },
};
