"""The part of the probe that reads every network namespace, without root.

/proc/PID/net/sockstat is readable for every process visible in /proc. Its inode number is the same
for all processes of one namespace and differs between namespaces, as each namespace has its own
tree of /proc/net entries. So one ``ls -i`` over all processes finds the namespaces, and one awk
reads each through its oldest process, four times: the changes are the uncertainty. That takes the
same few forks on every host. The list of processes goes through a pipe, as it could exceed the
limit of an argument list.

`collector.probe.namespaces` parses the output.
"""

from __future__ import annotations

__all__ = ["MAX_NAMESPACES", "NAMESPACE_SCRIPT"]

MAX_NAMESPACES = 300
"""How many namespaces are described; one line has the sum of the others. Limits the output: about
450 bytes each."""

# POSIX awk that mawk, gawk, BusyBox and the one true awk accept; no "!" (csh) and no single quote.
# The lines are joined by blanks, so each statement ends with a semicolon or a brace.
_AWK = r"""
function counters(file, names, head,   line, some) {
  while ((getline line < file) > 0) if (line ~ names) {
    if (some == 0 && head > "") print head;
    print line; some = 1;
  }
  close(file);
  return some + 0;
}
function rows(file, names,   line, text) {
  while ((getline line < file) > 0) if (line ~ names) text = text line "\n";
  close(file);
  return text;
}
function add(pid, second,   text, part) {
  text = rows("/proc/" pid "/net/sockstat", "^TCP:");
  if (text == "") { pid = second; text = rows("/proc/" pid "/net/sockstat", "^TCP:"); }
  if (text == "") { print "gone 0"; return; }
  split(text, part, " "); sum += part[3]; more++;
  split(rows("/proc/" pid "/net/sockstat6", "^TCP6:"), part, " "); sum += part[3];
}
function first(file,   line) {
  line = ""; getline line < file; close(file);
  return line;
}
function namespace(inode, pid,   at, file, line, part, all, lines) {
  at = "/proc/" pid;
  if (counters(at "/net/sockstat", "^(sockets|TCP):", "namespace " inode " " pid) == 0) return 0;
  counters(at "/net/sockstat6", "^TCP6:", "");
  file = at "/net/protocols";
  while ((getline line < file) > 0) { split(line, part, " "); all += part[3]; lines++; }
  close(file);
  if (lines > 0) print "protocols " all + 0;
  print "comm " first(at "/comm");
  file = at "/cgroup";
  while ((getline line < file) > 0)
    if (line ~ /^0:|:pids:|:memory:|:name=systemd:/) print "cgroup " line;
  close(file);
  return 1;
}
BEGIN {
  while ((getline line) > 0) {
    split(line, word, " ");
    if (index(line, "/proc/self/ns/")) {
      if (line ~ /o such/) print "pidless " first("/proc/2/stat");
    }
    else if (word[1] ~ /^[0-9]+$/) {
      split(word[2], path, "/"); inode = word[1]; pid = path[3] + 0;
      if (path[3] == "self") { own = inode; print "own " inode; }
      else if (inode in oldest) {
        other[inode] = pid;
        if (pid < oldest[inode]) { other[inode] = oldest[inode]; oldest[inode] = pid; }
      }
      else { oldest[inode] = pid; order[++total] = inode; }
    }
    else if (line ~ /ermi/) denied++;
    else if (index(line, "/proc/self/net/") && line ~ /o such/) print "single";
    else if (line ~ /ot found|^xargs:/) print line > "/dev/stderr";
  }
  print "denied " denied + 0;
  for (i = 2; i <= total; i++) if (order[i] == own) { order[i] = order[1]; order[1] = own; }
  for (i = 1; i <= total; i++) {
    inode = order[i]; via[i] = oldest[inode];
    if (i > MAX_NAMESPACES) { add(via[i], other[inode] + 0); continue; }
    if (namespace(inode, via[i]) == 0) {
      via[i] = other[inode] + 0;
      if (namespace(inode, via[i]) == 0) print "gone " inode;
    }
  }
  if (more > 0) print "rest " more " " sum;
  if (total > MAX_NAMESPACES) total = MAX_NAMESPACES;
  for (pass = 1; pass <= 3; pass++) for (i = 1; i <= total; i++) {
    now = rows("/proc/" via[i] "/net/sockstat", "^TCP:");
    now = now rows("/proc/" via[i] "/net/sockstat6", "^TCP6:");
    if (now == kept[i]) continue;
    kept[i] = now; print "again " order[i]; printf "%s", now;
  }
  while ((getline line < "/proc/self/mountinfo") > 0) {
    split(line, word, " ");
    if (line ~ / - nsfs /) print "nsfs " word[4];
    if (word[5] == "/proc") print "procfs " line;
  }
  while ((getline line < "/proc/self/status") > 0) if (line ~ /^Uid:/) print "uid " line;
  show = "xargs ls -dl 2>/dev/null"; fflush();
  print "/proc/self/ns/pid" | show;
  for (i = 1; i <= total; i++) print "/proc/" via[i] "/ns/net" | show;
  close(show);
}
"""


def _quote(program: str) -> str:
    """Put the program on one line, for double quotes inside the probe's single quotes."""
    line = " ".join(row.strip() for row in program.strip().splitlines())
    line = line.replace("MAX_NAMESPACES", str(MAX_NAMESPACES))
    return line.replace("$", "\\$").replace('"', '\\"')


NAMESPACE_SCRIPT = (
    'printf "%s\\n" /proc/self/ns/pid /proc/self/net/sockstat /proc/[0-9]*/net/sockstat | '
    f'LC_ALL=C xargs ls -i 2>&1 | LC_ALL=C awk "{_quote(_AWK)}"'
)
"""Goes inside the probe's single quotes; prints its lines to standard output."""
