# Tries each known way from a build step to the machine that builds. A line that begins with
# ESCAPED is one that leads there; the last line says that all were tried.
my ($marker, $word) = @ARGV;
$| = 1;

sub look {
    my ($way, $root) = @_;
    return print "held: $way: $!\n" unless open(my $file, '<', "$root$marker");
    print "ESCAPED by $way: ", <$file>, "\n";
}

sub apart { # in a process of its own
    my ($do) = @_;
    my $pid = fork();
    if (!$pid) { $do->(); exit }
    waitpid($pid, 0);
}

mkdir '/below';
apart(sub { # a second chroot leaves the working directory outside of the first
    return look('chroot', '/nowhere') unless chroot('/below');
    chdir('..') for 1 .. 64;
    chroot('.');
    look('chroot', '/');
});
apart(sub { # the same, by a handle
    opendir(my $handle, '/');
    return look('chroot and a handle', '/nowhere') unless chroot('/below');
    chdir($handle);
    chdir('..') for 1 .. 64;
    look('chroot and a handle', './');
});

opendir(my $processes, '/proc');
for my $pid (grep { /^\d+$/ } readdir $processes) {
    open(my $file, '<', "/proc/$pid/cmdline") or next;
    my $line = <$file>;
    print "ESCAPED: sees the process $line\n" if $pid != $$ && index($line, $word) >= 0 && $line !~ /perl/;
    for my $link ('root', 'cwd') {
        look("$link of $pid", "/proc/$pid/$link") if -e "/proc/$pid/$link$marker";
    }
    my $owner = (stat "/proc/$pid")[4] or next;
    apart(sub { # as the process's own user, whose rights cover it; then as root again
        $> = $owner;
        my $there = opendir(my $handle, "/proc/$pid/root");
        $> = 0;
        look("root of $pid by its user", $there && chdir($handle) ? '.' : '/nowhere');
    });
}
apart(sub { # every process, as a signal reaches it: one more than those of this step is too many
    my @reached = grep { $_ != $$ && kill(0, $_) } 2 .. 65536;
    for my $pid (@reached) {
        open(my $file, '<', "/proc/$pid/cmdline") or next;
        my $line = <$file>;
        print "ESCAPED: may end the process $line\n" if index($line, $word) >= 0 && $line !~ /perl/;
    }
});

my %harmless = map { $_ => 1 } qw(null zero full random urandom tty ptmx console);
opendir(my $devices, '/dev');
for my $name (readdir $devices) {
    next unless (-b "/dev/$name" || -c "/dev/$name") && !$harmless{$name};
    print "ESCAPED: opens the device $name\n" if open(my $file, '<', "/dev/$name");
}
print "ESCAPED: makes devices\n" if system('/bin/mknod', '/disk', 'b', '7', '0') == 0;
print "ESCAPED: mounts\n" if system('/bin/mount', '-t', 'tmpfs', 'none', '/below') == 0;
for my $setting ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/sys/kernel/uevent_helper',
    '/sys/kernel/mm/ksm/run', '/sys/fs/cgroup/release_agent', '/sys/fs/cgroup/memory/release_agent') {
    print "ESCAPED: writes $setting\n" if -e $setting && open(my $file, '>>', $setting);
}
print "all were tried\n";
