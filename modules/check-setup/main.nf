// Do tasks find this checkout's code, and a GPU where one is wanted? Asked of every run, before its tasks.
process CHECK_SETUP {
    label 'process_single'
    cache false

    input:
    val toolkit

    output:
    path 'setup.json', emit: found
    tuple val(task.process), path('setup.json'), topic: setups
    tuple val(task.process), val(task.container), path('setup.json'), topic: images

    script:
    """
    check-setup --toolkit ${toolkit} --device cpu
    """
}

process CHECK_GPU {
    label 'process_gpu'
    cache false

    input:
    val toolkit

    output:
    path 'setup.json', emit: found
    tuple val(task.process), path('setup.json'), topic: setups
    tuple val(task.process), val(task.container), path('setup.json'), topic: images

    script:
    """
    check-setup --toolkit ${toolkit} --device cuda
    """
}
