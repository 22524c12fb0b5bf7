# bash completion for sockfleet; `sockfleet completion bash` prints this file.

_sockfleet() {
    local kind line
    COMPREPLY=()
    while IFS= read -r line; do
        kind=${line%%,*}
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            part) compopt -o nospace; COMPREPLY+=("${line#*,}") ;;
            plain) COMPREPLY+=("${line#*,}") ;;
        esac
    done < <(COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORDBREAKS=$COMP_WORDBREAKS \
        _SOCKFLEET_COMPLETE=bash_complete "$1" 2>/dev/null)
}

complete -o nosort -F _sockfleet sockfleet
