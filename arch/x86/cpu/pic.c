/* Two 8259s in cascade: which interrupt lines may speak, and telling them they were heard (Intel 8259A data sheet). */
#include "arch/x86/cpu/pic.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"

#define PIC1	      0x20
#define PIC2	      0xa0
#define ICW1	      0x11 /* edge-triggered, cascade, ICW4 follows */
#define ICW4	      0x01 /* 8086 mode */
#define CASCADE	      2
#define OCW3_READ_ISR 0x0b
#define EOI	      0x20

static u16 masked = 0xffff;

static void write_masks(void)
{
	outb(PIC1 + 1, (u8)masked);
	outb(PIC2 + 1, (u8)(masked >> 8));
}

void pic_init(void)
{
	outb(PIC1, ICW1);
	outb(PIC2, ICW1);
	outb(PIC1 + 1, IRQ_BASE_VECTOR);
	outb(PIC2 + 1, IRQ_BASE_VECTOR + 8);
	outb(PIC1 + 1, 1 << CASCADE);
	outb(PIC2 + 1, CASCADE);
	outb(PIC1 + 1, ICW4);
	outb(PIC2 + 1, ICW4);
	masked = 0xffff & ~(1u << CASCADE);
	write_masks();
}

void pic_unmask(unsigned irq)
{
	masked &= ~(1u << irq);
	write_masks();
}

void pic_mask(unsigned irq)
{
	masked |= (u16)(1u << irq);
	write_masks();
}

bool pic_spurious(unsigned irq)
{
	u16 port = irq < 8 ? PIC1 : PIC2;

	if (irq != 7 && irq != 15)
		return false;
	outb(port, OCW3_READ_ISR);
	if (inb(port) & 0x80)
		return false;
	if (irq == 15)
		outb(PIC1, EOI); /* the first chip did see its cascade line */
	return true;
}

void pic_eoi(unsigned irq)
{
	if (irq >= 8)
		outb(PIC2, EOI);
	outb(PIC1, EOI);
}
