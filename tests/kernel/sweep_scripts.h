/* The sweep's workload as text: what is asked for often, seldom, and in vain. sweep_play.c knows what it means. */
#pragma once

/* Tables, a script a line. */
/* clang-format off */
#define SCRIPTS(X) \
	X(ls, "ls /sys/kernel kprobes; ls; pwd; cd kprobes; pwd; ls ..") \
	X(cat, \
	  "cat available_tracers set_ftrace_filter trace_clock trace_options README tracing_on") \
	X(echo, \
	  "echo hello 'a b' \"c\" \\; d; echo -n x; echo; head -n 3 README; head nosuch; echo > nosuch") \
	X(errors, \
	  "cat nosuch; ls nosuch; nosuch; ktap a b; cat; cd README; echo 1 > README") \
	X(help, "cat commands; timeout 1 echo x; timeout x") \
	X(filter, \
	  "echo 'tracefs_*' > set_ftrace_filter; cat set_ftrace_filter; echo '*x*' >> set_ftrace_filter; " \
	  "echo '!tracefs_*' >> set_ftrace_filter; echo > set_ftrace_filter; echo nosuchfn > set_ftrace_filter") \
	X(graph_filter, \
	  "echo 'tracefs_re*' > set_graph_function; cat set_graph_function; echo > set_graph_function") \
	X(events, \
	  "cat events/sched/sched_switch/format; echo 'prev_pid > 1 && next_comm ~ \"k*\"' > " \
	  "events/sched/sched_switch/filter; echo 'hist:keys=prev_pid' > " \
	  "events/sched/sched_switch/trigger; echo 1 > events/sched/enable; " \
	  "cat events/sched/sched_switch/filter; echo 0 > events/sched/enable; " \
	  "echo '!hist:keys=prev_pid' > events/sched/sched_switch/trigger; " \
	  "echo 0 > events/sched/sched_switch/filter; echo 'x ==' > events/sched/sched_switch/filter; " \
	  "echo 0 > events/sched/sched_switch/filter") \
	X(functions, "cat available_filter_functions") \
	X(blacklist, "cat kprobes/blacklist") \
	X(markers, \
	  "echo a marker > trace_marker; echo > trace; echo 256 > buffer_size_kb; cat buffer_size_kb") \
	X(set_event, \
	  "echo sched:sched_switch > set_event; cat set_event; echo '*:*' > set_event; echo > set_event; echo > trace") \
	X(pwd, "pwd") \
	WRONG_SCRIPTS(X)

/* What these print depends on when, or on what is probed. */

#define LOOSE_SCRIPTS(X) \
	X(dmesg, "dmesg; cat wx") \
	X(recursion, \
	  "cat recursion/policy recursion/recovered; echo tracing_on_show > recursion/consumer; cat tracing_on recursion/consumer; " \
	  "echo context > recursion/policy; echo > recursion/consumer; echo nosuchfn > recursion/consumer; echo x > recursion/policy") \
	X(nest, "echo mark > nest; cat nest; timeout 1 head -n 3 nest_pipe") \
	X(policies, \
	  "cat recursion/flag_at recursion/dropped; echo before > recursion/flag_at; echo x > recursion/flag_at; echo flag > recursion/policy; " \
	  "echo function > current_tracer; cat tracing_on; echo function_graph > current_tracer; cat tracing_on; echo nop > current_tracer; " \
	  "cat recursion/dropped recursion/flag_at recursion/policy; echo context > recursion/policy; echo after > recursion/flag_at; echo > trace") \
	X(nmis, \
	  "echo nmi_step > recursion/nmi; cat recursion/nmi; echo nmi_step nosuch > recursion/nmi; echo 0x > recursion/nmi; " \
	  "echo 0x1000 > recursion/nmi; echo do_debug > recursion/nmi; echo nosuch > recursion/nmi; echo > recursion/nmi; cat recursion/nmi; " \
	  "echo 1 > recursion/iret_demo; cat recursion/iret_demo") \
	X(busy, "echo 1 > events/sched/enable; echo 1 > test/busy; cat test/busy; echo 1 > test/busy; cat README; echo 0 > test/busy; " \
		"cat test/busy; echo x > test/busy; echo 2 > test/busy; echo 0 > events/enable; echo > trace") \
	X(test_files, "echo 1 > test/wx; echo 1 > test/wx; cat wx test/wx; echo 0 > test/wx; cat wx test/wx; echo x > test/wx; " \
		      "echo x > test/fault; echo x > test/user-fault") \
	X(explain_more, EXPLAIN) \
	X(wx, "echo 1 > wx; echo 1 > events/sched/sched_switch/enable; cat wx; echo 0 > wx; echo 0 > events/enable; echo x > wx; echo > trace") \
	X(sweep, INNER) \
	X(exceptions, EXCEPTIONS) \
	X(function, \
	  "echo function > current_tracer; ls; echo nop > current_tracer; cat trace; echo > trace") \
	X(function_graph, \
	  "echo function_graph > current_tracer; ls; echo nop > current_tracer; cat trace; echo > trace") \
	X(irqsoff, \
	  "echo irqsoff > current_tracer; ls; cat trace; echo nop > current_tracer; echo > trace") \
	X(stack, \
	  "echo 1 > options/stacktrace; echo 1 > events/sched/enable; ls; echo 0 > events/enable; cat trace; echo 0 > options/stacktrace; echo > trace") \
	X(profile, \
	  "echo 1 > function_profile_enabled; ls; echo 0 > function_profile_enabled; cat trace_stat/function0") \
	X(all_events, \
	  "echo 1 > events/enable; ls; cat README; echo 0 > events/enable; cat trace; head per_cpu/cpu0/trace; cat per_cpu/cpu0/stats; echo > trace") \
	X(snapshot, "echo 1 > snapshot; cat snapshot; echo 0 > snapshot") \
	X(probes, \
	  "echo p:x run_cd+5 > kprobe_events; echo 1 > events/kprobes/x/enable; cd .; cat kprobe_events kprobe_profile kprobes/list trace; " \
	  "echo 0 > events/kprobes/x/enable; echo > kprobe_events; echo p:y nosuch > kprobe_events; cat error_log; echo > trace") \
	X(explain, \
	  "explain run_cd; explain run_cd+5; explain memcpy+0x13; explain do_int3; explain nosuch; explain run_cd+1; " \
	  "explain context_switch+0x20; explain seq_printf+5; explain 0; explain 0xffffffff80100000; explain") \
	X(arguments, \
	  "echo 'p:g/a tracefs_read+0 di=%di:x64 s=+0(%di):string b=%di:b4@4/32 ar=+0(%di):u8[4] y=%ip:symbol c=$comm " \
	  "st=$stack0 n=%si:s32 u=+u0(%di):ustring k=\\\\7 t=\\\\\"x\" at=@cmdline a1=$arg1' > kprobe_events; " \
	  "echo 'p:g/a tracefs_read di=%di:x64 s=+0(%di):string b=%di:b4@4/32 ar=+0(%di):u8[4] y=%ip:symbol c=$comm " \
	  "st=$stack0 n=%si:s32 k=+8(+0(%sp)):u16 s8=%ax:s8 a1=$arg1' >> kprobe_events; " \
	  "echo 'r3:g/b tracefs_read ret=$retval:s32' >> kprobe_events; echo 'w:g/c tracing_on:1:w' >> kprobe_events; " \
	  "echo 'w:g/d cmdline:8:rw' >> kprobe_events; cat kprobe_events; echo 1 > events/g/enable; cat tracing_on README; " \
	  "cat events/g/a/format events/g/b/format; echo 'ret == 0' > events/g/b/filter; cat tracing_on; " \
	  "echo 'hist:keys=ret' > events/g/b/trigger; echo 'stacktrace' > events/g/a/trigger; cat tracing_on events/g/b/hist; " \
	  "cat trace kprobe_profile kprobes/list; echo '!hist:keys=ret' > events/g/b/trigger; echo '!stacktrace' > events/g/a/trigger; " \
	  "echo 0 > events/g/b/filter; echo 0 > events/g/enable; echo > kprobe_events; cat error_log; echo > trace") \
	X(pipe, "echo 1 > events/sched/enable; timeout 1 head -n 3 trace_pipe; timeout 1 head -n 2 per_cpu/cpu0/trace_pipe; " \
		"echo 0 > events/enable; echo > trace") \
	X(chaos, "echo 5 > chaos; ls; cat chaos; cat kprobes/blacklist; echo 0 > chaos; echo x > chaos") \
	X(ktap, "ktap symbols; ktap nosuch; ktap -x") \
	X(exec, "exec init; exec nosuch; exec") \
	X(events_on, "echo 1 > events/enable; ktap rcu; ktap irq_work; ktap work; ktap kretprobe; ktap watchpoint; ktap process; " \
		     "echo 0 > events/enable; cat trace; echo > trace") \
	X(filtered_on, "echo 'common_pid >= 0' > events/sched/filter; echo 'common_pid >= 0' > events/rcu/filter; " \
		       "echo 'common_pid >= 0' > events/irq/filter; echo 1 > options/stacktrace; echo 1 > events/enable; " \
		       "ktap rcu; ktap work; echo 0 > events/enable; echo 0 > options/stacktrace; cat trace; " \
		       "echo 0 > events/sched/filter; echo 0 > events/rcu/filter; echo 0 > events/irq/filter; echo > trace") \
	X(messages_on, "echo 'common_pid >= 0' > events/nestling/filter; echo 'common_pid >= 0' > events/raw_syscalls/filter; " \
		       "echo 1 > events/nestling/enable; echo 1 > events/raw_syscalls/enable; ktap ipc_user; ktap grant; ktap process; " \
		       "echo 0 > events/enable; head -n 400 trace; echo 0 > events/nestling/filter; echo 0 > events/raw_syscalls/filter; " \
		       "echo > trace") \
	X(irqsoff_on, "echo run_pwd > set_ftrace_filter; echo irqsoff > current_tracer; " FAST_TESTS \
		      "echo nop > current_tracer; echo > set_ftrace_filter; echo > trace") \
	X(checked_on, "echo 1 > rcu/check; " FAST_TESTS "echo 0 > rcu/check") \
	X(graph_on, "echo function_graph > current_tracer; ktap sched; head -n 400 trace; " \
		    "echo nop > current_tracer; echo > trace") \
	X(stacks, "echo 1 > stack_tracer_enabled; cat README; cat stack_trace stack_max_size; echo 0 > stack_tracer_enabled") \
	X(rcu_files, "echo normal > rcu/gp; echo expedited > rcu/gp; echo tasks > rcu/gp; echo tasks_trace > rcu/gp; " \
		     "echo barrier > rcu/gp; echo x > rcu/gp; echo 1 > rcu/check; ktap rcu_check; echo 0 > rcu/check; cat lockdep") \
	X(sizes, "echo 64 > buffer_size_kb; echo 128 > per_cpu/cpu0/buffer_size_kb; cat buffer_size_kb buffer_total_size_kb; " \
		 "echo 1 > snapshot; echo 2 > snapshot; echo 0 > snapshot; echo 1 > tracing_cpumask; cat tracing_cpumask; " \
		 "echo 3 > tracing_cpumask; echo f > tracing_cpumask; echo 256 > buffer_size_kb") \
	X(bust, "echo 1 > test/bust; cat health") \
	X(malformed, \
	  "malformed test/* kprobe* trace_pipe per_cpu/*/trace_pipe -* -*/* -*/*/* -*/*/*/* -*/*/*/*/*")
/* clang-format on */

/* What is quick, and in many contexts. */
#define FAST_TESTS                                                                     \
	"ktap watch; ktap gs; ktap nmi; ktap rcu; ktap rcu_check; ktap rcu_contexts; " \
	"ktap rcu_list; ktap printk; ktap traps; ktap irq_work; ktap work; ktap entry; "

/* Each line is written to the file, appending; then the script is run. */
/* clang-format off */
#define LINES(X) \
X(wrong_probes, "kprobe_events", \
"x\np\np:\np:/ run_cd\np:a/b/c run_cd\np:1a run_cd\np:g/ run_cd\np:a-b run_cd\np nosuch\np run_cd+99999\np run_cd+1\np run_cd+x\n" \
"p 0x10\np 0xffffffff80100000x\nr0 run_cd\nr99999 run_cd\nrx run_cd\nr run_cd+5\np1 run_cd\np:one run_cd%return\np run_cd+5%return\n" \
"p run_cd%x\np run\np do_int3\np run_cd a\np run_cd a=\np run_cd =1\np run_cd 1a=%ax\np run_cd a=%ax a=%bx\np:sched/sched_switch run_cd\n" \
"-\n-:\n-:nosuch\n-:nosuch/\n-:/x\n-:x y\n-x\nw\nw:\nw cmdline\nw cmdline:3:r\nw cmdline+1:8:r\nw cmdline:8:q\nw 0:8:w\n" \
"w run_cd+1:1:x\nw run_cd:2:x\nw do_int3:1:x\nw nosuch:1:r\nw cmdline:8:rw:1\nw cmdline:x:r\nw cmdline:8:rw a=$arg1\n" \
"w cmdline:8:rw $retval\nw 0xffff000000000000:8:w", \
"cat error_log; echo > kprobe_events; echo > error_log") \
X(wrong_arguments, "kprobe_events", \
"p run_cd a=%zz\np run_cd a=$zz\np run_cd a=$stackx\np run_cd a=$stack9999\np run_cd a=$arg0\np run_cd a=$arg7\np run_cd a=$argx\n" \
"p run_cd a=$comm:u8\np run_cd a=$retval\np run_cd a=@\np run_cd a=@nosuch\np run_cd a=@0x\np run_cd a=@cmdline+x\np run_cd a=@+8\n" \
"p run_cd a=+0(%ax\np run_cd a=+(%ax)\np run_cd a=+x(%ax)\np run_cd a=+0%ax\n" \
"p run_cd a=+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(%ax))))))))))))))))))\n" \
"p run_cd a=%ax:\np run_cd a=%ax:u9\np run_cd a=%ax:u8[\np run_cd a=%ax:u8[0]\np run_cd a=+0(%ax):u8[65]\np run_cd a=+0(%ax):u8[x]\n" \
"p run_cd a=+0(%ax):u8[2]x\np run_cd a=%ax:u8[2]\np run_cd a=%ax:b\np run_cd a=%ax:b1\np run_cd a=%ax:b1@\np run_cd a=%ax:b65@0/64\n" \
"p run_cd a=%ax:b4@62/64\np run_cd a=%ax:b4@0/7\np run_cd a=%ax:b4@0/32x\np run_cd a=%ax:b0@0/8\np run_cd a=%ax:string[\n" \
"p run_cd a=%ax:string\np run_cd a=%ax:ustring\np run_cd a=\\x\np run_cd a=\\99999999999999999999\np run_cd a=\\\"abc\n" \
"p run_cd a=\\\"abc\":u8\np run_cd a=%\np run_cd a=$\np run_cd x\np run_cd a=+0(%ax):string[65]", \
"cat error_log; echo > error_log") \
X(right_arguments, "kprobe_events", \
"p:g/a run_cd a=$stack3 b=$comm:string c=@0xffffffff80100000:x8 d=@cmdline+8 e=@cmdline-8:u8 f=-8(%sp) g=+u0(%ax) h=%ax:symbol\n" \
"p:g/b run_cd a=%ax:symstr b=+0(%di):string[2] c=+0(+0(%sp)):string[3] d=%ax:char e=\\1 f=\\-1 g=\\\"a b\" h=\\\"abc\":string\n" \
"p:g/c run_cd %ax:x8 %ax:x16 %ax:x32 %ax:x64 %ax:s8 %ax:s16 %ax:s32 %ax:s64 %ax:u8 %ax:u16 %ax:u32 %ax:u64 +0(%sp):x64[3]\n" \
"p:g/d run_cd %r8 %r9 %r10 %r11 %r12 %r13 %r14 %r15 %bx %cx %dx %si %di %bp %flags %ip %cs %ss\n" \
"r:g/e run_cd $retval:x32 $comm $stack\nr5:g/f run_cd\np:g/g run_cd+5 $arg1 $arg2 $arg3 $arg4 $arg5 $arg6", \
"cat kprobe_events events/g/a/format; echo 1 > events/g/enable; cd .; echo 0 > events/g/enable; cat trace kprobe_profile; " \
"echo > kprobe_events; echo > trace") \
X(probe_names, "kprobe_events", \
"p run_cd\np run_cd+5\np run_cd+0x5 %ax\nr run_cd\nr run_cd\np:again/ run_cd\np:again/x run_cd\np:again/y run_cd+5\nw cmdline:4:w\n" \
"w cmdline+8:8:r\nw:again/z run_cd:1:x\nw tracing_on:1\nw cmdline:8\nw:fifth tracing_on:1:w", \
"cat kprobe_events; echo 1 > events/again/enable; cd .; cat events/again/x/format events/again/enable events/again/x/enable " \
"kprobes/list trace; echo 0 > events/again/enable; echo -:again/x >> kprobe_events; echo -:again/ >> kprobe_events; " \
"echo -:p_run_cd_0 >> kprobe_events; echo > kprobe_events; echo > trace; echo > error_log") \
X(probes_in_programs, "uprobe_events", \
"p\np:\np /bin/probed\np /bin/nosuch:0x10\np:1a /bin/probed:probed_zoo\np /bin/probed:\np /bin/probed:nosuch\np /bin/probed:0x10\n" \
"p /bin/probed:0x99999999\np /bin/probed:probed_zoo+99999\np /bin/probed:probed_zoo+x\np /bin/probed:probed_zoo+1\np probed_zoo\n" \
"r /bin/probed:probed_zoo+5\np /bin/probed:probed_zoo%return\nw /bin/probed:probed_zoo\np /bin/probed:probed_zoo a=@cmdline\n" \
"p:z /bin/probed:probed_zoo seed=$arg1 c=$comm\np /bin/probed:probed_call n=%di:u32 t=+0($arg2):string u=+1(%si):ustring r=$stack0\n" \
"r:g/back /bin/probed:probed_call v=$retval:s64\nr:never /bin/probed:probed_touch\n-:nosuch\np:z /bin/probed:probed_zoo+4", \
"cat uprobe_events error_log; echo 1 > events/uprobes/enable; echo 1 > events/g/back/enable; exec probed; cat trace uprobe_profile; " \
"echo > uprobe_events; echo 0 > events/uprobes/enable; echo 0 > events/g/enable; echo > uprobe_events; echo > error_log; echo > trace") \
X(filters, "events/sched/sched_switch/filter", \
"prev_pid\n==\nprev_pid ==\nprev_pid == x\nprev_pid = 1\nprev_pid == 99999999999999999999\nprev_pid == -1\nprev_pid == -99999999999\n" \
"prev_pid == 0x10\n((((((((((((((((((((prev_pid == 1\nprev_pid == 1)\n(prev_pid == 1\nprev_comm == \"x\nprev_comm > \"x\"\n" \
"prev_comm ~ \"*x\"\nprev_comm ~ \"x*y\"\nprev_comm != x\nprev_comm == sh\nnosuch == 1\nprev_pid == 1 &&\n&& prev_pid == 1\n" \
"prev_pid & 1\n!(prev_pid == 1)\nCPU == 0\nCOMM ~ \"s*\"\nprev_pid == 1 prev_pid\nprev_comm ~ 3\nprev_comm & 1\nprev_pid ~ 1\n" \
"prev_comm == \"0123456789012345678901234567890123456789012345678901234567890123456789\"\n!prev_pid == 1\n(((prev_pid > 1)))\n" \
"a == 1 || a == 1 || a == 1\nprev_pid == 1 || prev_pid == 2 || prev_pid == 3 || prev_pid == 4 || prev_pid == 5 || prev_pid == 6 || " \
"prev_pid == 7 || prev_pid == 8 || prev_pid == 9 || prev_pid == 10 || prev_pid == 11 || prev_pid == 12 || prev_pid == 13 || " \
"prev_pid == 14 || prev_pid == 15 || prev_pid == 16 || prev_pid == 17 || prev_pid == 18 || prev_pid == 19\n" \
"prev_comm != \"x\" && common_pid >= 0 || !(prev_prio < 3 && next_prio >= 2) || prev_state != 0", \
"cat events/sched/sched_switch/filter; echo 1 > events/sched/enable; timeout 1 echo; echo 0 > events/sched/enable; " \
"echo 'x == 1' > events/sched/filter; echo 0 > events/sched/filter; cat events/sched/filter; echo > trace; echo > error_log") \
X(triggers, "events/sched/sched_switch/trigger", \
"hist:keys=nosuch\nhist:keys=\nhist:\nhist\nhist:keys=prev_pid:size=1\nhist:keys=prev_pid:size=131073\nhist:keys=prev_pid:size=x\n" \
"hist:keys=prev_pid:vals=hitcount\nhist:keys=prev_pid:nosuch\nhist:vals=hitcount\nhist:keys=prev_pid,next_pid\n" \
"hist:keys=common_pid:sort=hitcount\n!hist:keys=common_pid:sort=hitcount\nhist:keys=next_comm:sort=hitcount.descending:size=128\n" \
"hist:keys=prev_state:sort=prev_state\nhist:keys=prev_state:sort=nosuch\nhist:keys=prev_pid:size=256\ntraceoff:3\ntraceoff:3\n" \
"!traceoff\n!traceoff\ntraceon\n!traceon\nsnapshot:1\n!snapshot\nstacktrace:5\n!stacktrace:5\ntraceoff:x\ntraceoff:0\ntraceoff:-1\n" \
"traceoff if prev_pid > 0\n!traceoff\ntraceoff if\ntraceoff if x\ntraceoff x\nnosuch\n!nosuch\nenable_event:sched:sched_switch\n" \
"stacktrace if prev_pid == 1", \
"cat events/sched/sched_switch/trigger; ktap wake; cat events/sched/sched_switch/hist; echo !stacktrace > events/sched/sched_switch/trigger; " \
"echo !hist:keys=next_comm > events/sched/sched_switch/trigger; echo !hist:keys=prev_state > events/sched/sched_switch/trigger; " \
"echo !hist:keys=prev_pid > events/sched/sched_switch/trigger; cat events/sched/sched_switch/trigger; echo 1 > tracing_on; " \
"echo 0 > snapshot; echo > trace; echo > error_log") \
X(function_filters, "set_ftrace_filter", \
"*cd*\nrun_*\n*_cd\nr?n_cd\n[a-s]un_cd\n[!a-c]un_cd\nr*_*d\n[\n[a\n\\*\nrun_cd:traceoff\nrun_cd:traceon:5\nrun_cd:stacktrace:2\n" \
"run_cd:snapshot\nrun_cd:nosuch\nrun_cd:traceoff:x\nrun_cd:traceoff:0\nnosuch:traceoff\nrun_cd:\n*:mod:x\n" \
"run_pwd:traceoff:unlimited\nrun_pwd:stacktrace\nrun_pwd:stacktrace", \
"cat set_ftrace_filter enabled_functions; echo function > current_tracer; cd .; pwd; cat set_ftrace_filter; " \
"echo '!run_pwd:nosuch' >> set_ftrace_filter; echo '!run_pwd:stacktrace' > set_ftrace_filter; echo '!run_pwd:traceoff' > set_ftrace_filter; echo '!run_cd:traceoff:0' > set_ftrace_filter; " \
"echo '!run_cd:traceon:0' > set_ftrace_filter; echo '!run_cd:stacktrace:0' > set_ftrace_filter; echo '!*:*' > set_ftrace_filter; " \
"echo nop > current_tracer; echo 1 > tracing_on; echo > set_ftrace_filter; cat set_ftrace_filter; echo > trace; echo > error_log") \
X(notrace, "set_ftrace_notrace", "run_*\nnosuch", \
"cat set_ftrace_notrace; echo > set_ftrace_notrace; echo 1 > set_ftrace_pid; cat set_ftrace_pid; echo function > current_tracer; cd .; " \
"echo nop > current_tracer; echo x > set_ftrace_pid; echo -1 > set_ftrace_pid; echo 99999 > set_ftrace_pid; echo > set_ftrace_pid; " \
"echo 'run_*' > set_graph_function; echo run_pwd > set_graph_notrace; echo 2 > max_graph_depth; " \
"echo function_graph > current_tracer; cd .; pwd; ls rcu; echo nop > current_tracer; cat set_graph_notrace trace; " \
"echo x > max_graph_depth; echo 0 > max_graph_depth; echo > set_graph_function; echo > set_graph_notrace; " \
"echo nosuch > set_graph_function; echo 'tracefs_*' > stack_trace_filter; cat stack_trace_filter; echo > stack_trace_filter; " \
"echo > trace; echo > error_log") \
X(set_events, "set_event", "!sched:*\nsched:\nnosuch:*\nsched\n*:sched_switch\n!*:*\nsched:sched_switch", \
"cat set_event events/enable events/sched/enable events/sched/sched_switch/enable; echo x > events/enable; echo 2 > events/sched/enable; " \
"echo > set_event; cat events/enable; echo > trace") \
X(clocks, "trace_clock", "nosuch\nlocal\nglobal\ncounter", \
"cat trace_clock; echo x > trace_marker; cat trace; echo x86-tsc > trace_clock; echo x > trace_marker; cat trace; echo local > trace_clock") \
X(settings, "tracing_cpumask", "0\nx\n1,1,1,1\n1", \
"cat tracing_cpumask; echo 3 > tracing_cpumask; echo f > tracing_cpumask; echo 0 > buffer_size_kb; echo x > buffer_size_kb; echo 999999999 > buffer_size_kb; " \
"echo nosuch > current_tracer; echo x > kprobes/technique; echo step > kprobes/technique; cat kprobes/technique; " \
"echo auto > kprobes/technique; echo x > kprobes/unsafe; cat kprobes/unsafe health wx lockdep; cat saved_cmdlines; " \
"echo 1 > options/disable_on_free; echo 1 > free_buffer; echo 0 > options/disable_on_free; echo 1 > tracing_on; " \
"echo 256 > buffer_size_kb; echo 0 > options/markers; echo x > trace_marker; echo 1 > options/markers; head -n 1 blackbox; " \
"cat backtrace rcu/state; ls recursion; echo x > rcu/stall_timeout; echo x > tracing_thresh; echo x > max_graph_depth; " \
"echo > trace; echo > error_log") \
X(options, "trace_options", "nooverwrite\noverwrite\nnosuch\nnonosuch\nraw\nnoraw", \
"cat trace_options; echo 2 > options/raw; echo 1 > options/raw; echo 1 > events/sched/enable; echo x > trace_marker; ktap sched; " \
"echo 0 > events/enable; head -n 50 trace; echo > trace; echo function > current_tracer; cd .; echo nop > current_tracer; head -n 50 trace; " \
"echo 0 > options/raw; echo 1 > options/latency-format; head -n 50 trace; " \
"echo 1 > options/verbose; head -n 50 trace; echo 0 > options/verbose; echo 0 > options/latency-format; echo > trace; echo > error_log") \
X(latency, "tracing_thresh", "100", \
"echo irqsoff > current_tracer; ktap lockdep; cat trace; echo nop > current_tracer; echo 0 > tracing_thresh; " \
"echo irqsoff > current_tracer; ktap sched; cat trace tracing_max_latency; echo 0 > tracing_max_latency; echo nop > current_tracer; echo > trace") \
X(stall, "test/stall", "x\n", \
"echo 100 > rcu/stall_timeout; cat rcu/stall_timeout; echo 150 > test/stall; echo 10000 > rcu/stall_timeout; cat rcu/state")

#define WRONG_SCRIPTS(X) \
X(words, "nosuch -x; head -n x README; head -n; head -n -1 README; head; head -n 99999999999 README; ls /; ls nosuch; cd nosuch; cd /; " \
  "cd; cat /; cat; cd a b; pwd x; echo x > /; echo x > nosuch/x; timeout; timeout 1; " \
  "sweep nosuch; sweep auto x=1; sweep auto stride=0; sweep step x; sweep batch=0; sweep batch=99999999; sweep stride=x; explain a b; " \
  "explain run_cd+; explain run_cd+99999; explain run; explain run_cd+x; explain 0x; explain 1x; cd /sys/kernel/tracing/events/sched/../..; cd")

/* Of its own, and costs. */
#define INNER "sweep step plant=1 ones=1 seed=0; sweep auto plant=1 batch=1 map=1; bench null*; bench nosuch; bench x y; " \
"echo 1 > rcu/check; bench *rcu*; echo 0 > rcu/check"

#define EXCEPTIONS \
"echo 1 > events/exceptions/enable; echo 1 > events/nestling/enable; ktap extable; ktap fetch; ktap traps; " \
"echo 'vector >= 0' > events/nestling/exception_entry/filter; echo 'address != 0' > events/exceptions/page_fault_kernel/filter; " \
"echo 1 > options/stacktrace; ktap extable; ktap ring3; echo 0 > options/stacktrace; echo 0 > tracing_on; ktap extable; echo 1 > tracing_on; " \
"head -n 100 trace; echo 0 > events/nestling/exception_entry/filter; echo 0 > events/exceptions/page_fault_kernel/filter; " \
"echo 0 > events/enable; echo > trace"


#define EXPLAIN \
"explain seq_puts; explain seq_puts+5; explain vformat+5; explain ftrace_init; explain segments_init; explain asm_exc_nmi; " \
"explain memset; explain mutex_lock+5; explain panic; explain kernel_main; explain sweep_planted; " \
"explain sweep_planted+5; explain sweep_planted+6; explain rcu_nmi_enter; explain return_to_probe"
/* clang-format on */
