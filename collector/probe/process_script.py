"""The part of the probe that names the processes which hold closed TCP sockets.

A TCP socket in state TCP_CLOSE is in no table of the kernel, so the script starts from the
descriptors of processes. One ``ls`` lists them all, and one awk removes the sockets that are in a
table of any network namespace. The first available tool of python3, perl, getfattr and lsof reads
the protocol of the remaining ones (the extended attribute ``system.sockprotoname``, sockfs in the
kernel's net/socket.c). Without a tool the remaining sockets are an upper bound: they include those
of other protocols that are in no table, such as unbound UDP sockets.

The script reads the descriptors before the tables and the protocols after them, so a socket that
connects meanwhile is in a table. At the end it lists the counted descriptors again, as a socket may
have been closed meanwhile and its descriptor may be another socket.

`collector.probe.processes` parses the output.
"""

from __future__ import annotations

__all__ = ["MAX_PROCESSES", "PROCESS_SCRIPT", "PROCESS_SCRIPT_WITH_ARGS"]

MAX_PROCESSES = 200
"""How many processes are described; one line has the sum of the others. Even with the longest
control groups and arguments the output stays below `transport.OUTPUT_LIMIT`."""

_LIST_WITHIN_S = 6  # then the list so far counts, and is marked as partial
_TABLES_WITHIN_S = 12  # from the start; without complete tables there is no result
_MAX_SOCKETS = 500_000  # limits the memory of awk, about 200 bytes each
_MAX_ARGUMENT_BYTES = 256

# POSIX awk that mawk, gawk, BusyBox and the one true awk accept; no "!" (csh), no single quote, no
# two backslashes in a row (fish). The lines are joined by blanks, so each statement ends with a
# semicolon or a brace.
_CLOSED_AWK = r"""
function now(   line) {
  getline line < "/proc/uptime"; close("/proc/uptime");
  return line + 0;
}
function is_kernel_thread(pid,   line, part) {
  getline line < ("/proc/" pid "/stat"); close("/proc/" pid "/stat");
  sub(/.*[)] /, "", line); split(line, part, " ");
  return int(part[7] / 2097152) % 2;
}
function take_away(file, column,   line, part, rows) {
  while ((getline line < file) > 0) {
    split(line, part, " "); delete owner[part[column]];
    if (++rows % 4096 == 0 && now() > start + TABLES_WITHIN_S) { late = unread = 1; break; }
  }
  close(file);
  return rows + 0;
}
function take_tables_away(pid,   net) {
  net = "/proc/" pid "/net/";
  if (take_away(net "tcp", 10) == 0) return 0;
  take_away(net "tcp6", 10); take_away(net "udp", 10); take_away(net "udp6", 10);
  take_away(net "udplite", 10); take_away(net "udplite6", 10); take_away(net "raw", 10);
  take_away(net "raw6", 10); take_away(net "icmp", 10); take_away(net "icmp6", 10);
  take_away(net "unix", 7); take_away(net "netlink", 10); take_away(net "packet", 9);
  return 1;
}
BEGIN { start = now(); }
NR % 4096 == 0 && (now() > start + LIST_WITHIN_S || sockets > MAX_SOCKETS) { late = 1; exit; }
/^\/proc\/[0-9]+\/fd:$/ {
  files[pid] = listed; listed = 0;
  split($0, part, "/"); pid = part[3] + 0; next;
}
$11 == "->" { listed++; }
NF == 12 && $12 ~ /^socket:\[[0-9]+\]$/ {
  inode = substr($12, 9, length($12) - 9);
  if (inode in owner) {
    if (owner[inode] == pid || last[inode] == pid) next;
    others[inode]++; last[inode] = pid;
    if (pid > owner[inode]) next;
    last[inode] = owner[inode];
  } else sockets++;
  owner[inode] = pid; fd[inode] = $10;
  next;
}
NF == 10 && $10 ~ /^\/proc\/[0-9]+\/net\/sockstat$/ {
  split($10, part, "/"); space = $1; member = part[3] + 0; home[member] = space;
  if ((space in oldest) == 0) oldest[space] = member;
  else if (member < oldest[space]) { second[space] = oldest[space]; oldest[space] = member; }
  else second[space] = member;
  next;
}
/ermission denied/ && match($0, /\/proc\/[0-9]+\/fd/) {
  refused[substr($0, RSTART + 6, RLENGTH - 9)] = 1;
}
END {
  if (late == 0) files[pid] = listed;
  for (space in oldest) {
    if (take_tables_away(oldest[space])) tables++;
    else if (space in second) tables += take_tables_away(second[space]);
  }
  if (tables == 0 && late == 0) exit;
  for (member in refused) if (is_kernel_thread(member) == 0) denied++;
  print "denied " denied + 0;
  if (late) print "partial";
  if (unread || tables == 0) exit;
  for (inode in owner) {
    pid = owner[inode];
    if (pid in files) { print "files", pid, files[pid]; delete files[pid]; }
    print "/proc/" pid "/fd/" fd[inode], inode, (pid in home) ? home[pid] : "-", others[inode] + 0;
  }
}
"""

_PROCESSES_AWK = r"""
function first(file, pattern,   line, found) {
  while ((getline line < file) > 0) if (line ~ pattern) { found = line; break; }
  close(file);
  return found;
}
function hold(path,   part, pid) {
  split(path, part, "/"); pid = part[3];
  count[pid]++; home[pid] = space[path];
  if (others[path] > shared[pid]) shared[pid] = others[path];
}
function describe(pid,   at, part, line, group, seen, groups) {
  at = "/proc/" pid; split(first(at "/status", "^Uid:"), part, " ");
  print "process", pid, home[pid], count[pid], shared[pid] + 0;
  if (part[2] > "") print "user", part[2], user[part[2]];
  print "comm " first(at "/comm", "");
  split(first(at "/limits", "^Max open files"), part, " ");
  print "files", (pid in files) ? files[pid] : "-", (part[4] ~ /^[0-9]+$/) ? part[4] : "-";
  split("", seen);
  while (groups < 2 && (getline line < (at "/cgroup")) > 0) {
    if (line ~ /^0:|:pids:|:memory:|:name=systemd:/) {
      group = line; sub(/^[^:]*:[^:]*:/, "", group);
      if (group > "/" && (group in seen) == 0) {
        seen[group] = 1; groups++; print "cgroup " substr(line, 1, 300);
      }
    }
  }
  close(at "/cgroup");
}
/^tool / { tool = $2; print; next; }
tool == "" && $1 ~ /^\/proc\// {
  socket[$1] = "socket:[" $2 "]"; named[$2] = $1; space[$1] = $3; others[$1] = $4; next;
}
tool == "" && $1 == "files" { files[$2] = $3; next; }
tool == "" { print; next; }
/^\/proc\/.* TCP(v6)?$/ { is_tcp[$1] = 1; next; }
/^# file: / { path = $3; next; }
/^system.sockprotoname="TCP(v6)?"$/ { is_tcp[path] = 1; next; }
/^i[0-9]+$/ { path = named[substr($0, 2)]; next; }
/^nprotocol: TCP(v6)?$/ { is_tcp[path] = 1; next; }
NF == 11 && $9 in socket && $11 == socket[$9] && ($9 in is_tcp || tool == "none") { hold($9); }
END {
  while ((getline line < "/etc/passwd") > 0) {
    split(line, part, ":"); if ((part[3] in user) == 0) user[part[3]] = part[1];
  }
  for (pid in count) {
    alike[count[pid]]++; if (count[pid] > least) least = count[pid];
  }
  for (room = MAX_PROCESSES; least > 0; least--) if (least in alike) {
    if (alike[least] > room) break;
    room -= alike[least];
  }
  for (pid in count) {
    if (count[pid] > least || (count[pid] == least && room-- > 0)) describe(pid);
    else { rest++; sum += count[pid]; }
  }
  if (rest) print "rest", rest, sum;
}
"""

_PYTHON = r"""
import os, sys
for path in sys.stdin.read().split():
 try: print(path, os.getxattr(path, 'system.sockprotoname')[:-1].decode())
 except OSError: pass
"""

# perl has no getxattr function; the numbers are from the kernel's system call tables.
_PERL = r"""
use Config; $_ = $Config{archname};
$call = /^x86_64/ ? 191 : /^(i.86|arm)/ ? 229 : /^(aarch64|riscv64|loongarch64)/ ? 8
  : /^(ppc|powerpc)/ ? 212 : /^s390/ ? 227 : exit;
$name = "system.sockprotoname";
while (<STDIN>) {
  chomp; $value = pack("x64"); $size = syscall($call, $_, $name, $value, 64);
  print "$_ ", substr($value, 0, $size - 1), "\n" if $size > 0;
}
"""


def _join_lines(program: str) -> str:
    """Put the program on one line, for double quotes inside the probe's single quotes."""
    line = " ".join(row.strip() for row in program.strip().splitlines())
    return line.replace("$", "\\$").replace('"', '\\"')


def _quote_python(program: str) -> str:
    """The same for Python, which needs its newlines: as a string for exec()."""
    text = program.strip().replace("\n", "\\n").replace("'", "\\x27")
    return f'exec(\\"{text}\\")'


def _insert_limits(program: str) -> str:
    for name, value in (
        ("LIST_WITHIN_S", _LIST_WITHIN_S),
        ("TABLES_WITHIN_S", _TABLES_WITHIN_S),
        ("MAX_SOCKETS", _MAX_SOCKETS),
        ("MAX_PROCESSES", MAX_PROCESSES),
    ):
        program = program.replace(name, str(value))
    return program


# ls -q: the name of an open file could contain newlines, and forge lines. BusyBox has no -q and
# always prints such characters as "?".
_LIST = (
    "q=; ls -dq / >/dev/null 2>&1 && q=q; "
    'held=$(printf "%s\\n" /proc/[0-9]*/net/sockstat /proc/[0-9]*/fd | xargs ls -lniR$q 2>&1 | '
    f'awk "{_join_lines(_insert_limits(_CLOSED_AWK))}"); '
    'paths=$(printf "%s\\n" "$held" | grep -o "^/proc/[0-9]*/fd/[0-9]*"); '
)
# lsof -F: identifies the socket by its inode, as lsof truncates descriptor numbers from 10,000 on.
_CHECK = (
    "names=; still=; tool=-; "
    'if [ -n "$paths" ]; then for tool in python3 perl getfattr lsof none; do case $tool in '
    f'python3) names=$(printf "%s\\n" "$paths" | python3 -IS -c "{_quote_python(_PYTHON)}");; '
    f'perl) names=$(printf "%s\\n" "$paths" | perl -e "{_join_lines(_PERL)}");; '
    'getfattr) names=$(printf "%s\\n" "$paths" | '
    "xargs getfattr -e text --absolute-names -n system.sockprotoname);; "
    'lsof) pids=$(printf "%s\\n" "$paths" | cut -d/ -f3 | sort -u | tr "\\n" ,); '
    'names=$(lsof -nPwb -F in -p "$pids"); case $names in *nprotocol:*) ;; *) names=;; esac;; '
    'esac 2>/dev/null; if [ -n "$names" ]; then break; fi; done; '
    'still=$(printf "%s\\n" "$paths" | xargs ls -ln$q 2>/dev/null); fi; '
)
_SHOW = (
    'if [ -n "$held" ]; then printf "%s\\n" "$held" "tool $tool" "$names" "$still" | '
    f'awk "{_join_lines(_insert_limits(_PROCESSES_AWK))}"; fi'
)
# Newlines in arguments become blanks too, so that each process has one line. No echo: that of dash
# makes a newline of a backslash and an n.
_ARGUMENTS = (
    "while read -r word pid line; do "
    'printf "%s\\n" "$word${pid:+ }$pid${line:+ }$line"; if [ "$word" = process ]; then '
    f'printf "args %s\\n" "$(head -c {_MAX_ARGUMENT_BYTES} "/proc/$pid/cmdline" 2>/dev/null | '
    'tr "\\000\\n" "  ")"; fi; done'
)

PROCESS_SCRIPT = f"(export LC_ALL=C; {_LIST}{_CHECK}{_SHOW})"
"""Goes inside the probe's single quotes; prints its lines to standard output."""

PROCESS_SCRIPT_WITH_ARGS = f"(export LC_ALL=C; {_LIST}{_CHECK}{{ {_SHOW}; }} | {_ARGUMENTS})"
"""The same with the processes' arguments, which may contain secrets: only by the user's option."""
