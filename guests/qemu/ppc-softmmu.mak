# Devices of the nested QEMU on Power, beside what its machine selects itself; all others are off.
CONFIG_E500PLAT=y
# How host and guest talk, and the guest's disks.
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_SERIAL=y
# Memory that is filled before the guest starts: -device loader.
CONFIG_GENERIC_LOADER=y
# On the platform bus: assigned devices, and a UART.
CONFIG_VFIO_PLATFORM=y
CONFIG_NS16550=y
# Not for use: VFIO's container code calls it, and does not link without.
CONFIG_VFIO_PCI=y
