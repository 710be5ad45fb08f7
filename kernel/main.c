// SPDX-License-Identifier: MIT
/* The boot order, on the boot CPU, and what the other CPUs do. */

#include "arch/arch.h"
#include "kernel/device/device.h"
#include "kernel/file/file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

struct boot_info boot_info;

static void initramfs_take(void)
{
	uint64_t size_bytes = boot_info.initrd.end - boot_info.initrd.start;

	if (!size_bytes)
		panic("no initial file system: give one with -initrd");
	int err = initramfs_unpack(phys_to_virt(boot_info.initrd.start), size_bytes);
	if (err)
		panic("the initial file system cannot be unpacked: error %d", -err);
	frame_release_range(boot_info.initrd.start, boot_info.initrd.end);
}

/* The first line of the log: what there is. */
static void machine_announce(void)
{
	log_line("Samepage on %s: %u CPU%s, %llu MiB of memory%s", arch_name, cpu_online_count,
		 cpu_online_count == 1 ? "" : "s", frame_total_count() * PAGE_BYTES >> 20,
		 shm_instance.link ? "" : ", nothing is linked");
}

void kernel_main(void)
{
	char init[128] = "/init";

	frame_init();
	schedule_init();
	arch_init();
	device_init();
	shm_port_init();
	ipc_init();
	file_init();
	initramfs_take();
	kernel_argument("init", init, sizeof(init));
	schedule_start_cpus();
	machine_announce();
	process_start_init(init);
	schedule_idle();
}

void kernel_secondary_main(void)
{
	arch_init_secondary();
	schedule_idle();
}
