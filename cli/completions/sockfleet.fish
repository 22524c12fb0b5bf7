# fish completion for sockfleet; `sockfleet completion fish` prints this file.

function __sockfleet_complete
    set -l words (commandline -opc)
    set -l response (COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -ct) \
        _SOCKFLEET_COMPLETE=fish_complete $words[1] 2>/dev/null)
    for line in $response
        set -l found (string split -m 1 "," -- $line)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                __fish_complete_path $found[2]
            case '*'
                echo $found[2]
        end
    end
end

complete --no-files --command sockfleet --arguments "(__sockfleet_complete)"
